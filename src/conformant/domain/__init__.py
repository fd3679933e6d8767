"""What several checks know of one matter: the mesh, isolation, backups, references, AWS …

Pure functions and indexes over a platform, to be made once by `Platform.derived`.
"""
