"""Go templates: what Go would write, with the lines that it came from, or a clear refusal."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformant.load.gotemplate import RenderError, render

VALUES: dict[str, Any] = {
    "Name": "Web", "Empty": "", "Zero": 0, "Port": 80, "On": True, "Off": False, "Half": 0.5, "Big": 2.0,
    "Nothing": None, "List": ["a", "b"], "Map": {"y": 2, "x": 1}, "None": [], "Deep": {"er": {"est": "z"}},
    "Odd": {"a-b": {"c.d": "e"}}, "Ports": [{"name": "http", "port": 80}], "Text": "one\ntwo",
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain } text }}", "plain } text }}"),
        ("{{ .Name }}", "Web"),
        ("{{.Name}}", "Web"),
        ("{{ $.Deep.er.est }}", "z"),
        ("{{ .Values.Deep.er.est }}", "z"),
        ("{{ .Port }} {{ .On }} {{ .Off }} {{ .Half }} {{ .Big }} {{ .Zero }}", "80 true false 0.5 2 0"),
        ('{{ "a\\tb" }}{{ `\\n` }}{{ 5 }}{{ -1.5 }}{{ "}}" }}', "a\tb\\n5-1.5}}"),
        ("{{ .Name | upper | quote }}", '"WEB"'),
        ("{{ quote .Port }} {{ .Name | lower | squote }}", "\"80\" 'web'"),
        ('{{ .Missing | default "x" }}{{ default "y" .Empty }}{{ .Name | default "z" }}', "xyWeb"),
        ('{{ required "give a name" .Name }}', "Web"),
        (
            '{{ " a " | trim }}|{{ trimSuffix "b" "Web" }}|{{ "Web" | trimPrefix "W" }}|{{ trunc 2 "Web" }}',
            "a|We|eb|We",
        ),
        ('{{ .Name | replace "e" "3" }}', "W3b"),
        ('{{ index .Odd "a-b" "c.d" }} {{ index .List 1 }} {{ len .List }}', "e b 2"),
        ("a:\n{{ .Text | indent 2 }}", "a:\n  one\n  two"),
        ("a: {{- .Map | toYaml | nindent 2 }}", 'a:\n  "x": 1\n  "y": 2'),
        ("{{ toYaml .Ports }}", '- "name": "http"\n  "port": 80'),
        ("{{ toJson .Map }}", '{"x":1,"y":2}'),
        ("{{ if .On }}a{{ else }}b{{ end }}", "a"),
        ("{{ if .Missing }}a{{ else }}b{{ end }}", "b"),
        ('{{ if eq .Name "Api" "Web" }}a{{ end }}', "a"),
        ('{{ if and .On (eq .Port 80) (ne .Name "x") }}a{{ end }}', "a"),
        ("{{ if or .Missing (not .Off) }}a{{ end }}", "a"),
        ("{{ if and .Missing .Missing.x }}a{{ else }}b{{ end }}", "b"),
        ("{{ if gt .Port 79 }}a{{ end }}{{ if le .Port 79 }}b{{ end }}", "a"),
        ("{{ if .Off }}a{{ else if .Zero }}b{{ else if .On }}c{{ else }}d{{ end }}", "c"),
        ("{{ or .Empty .Name }}{{ and .Name .Port }}", "Web80"),
        ("{{ range .List }}<{{ . }}>{{ end }}", "<a><b>"),
        ("{{ range $i, $v := .List }}{{ $i }}{{ $v }}{{ end }}", "0a1b"),
        ("{{ range $v := .List }}{{ $v }}{{ $.Name }}{{ end }}", "aWebbWeb"),
        ("{{ range $k, $v := .Map }}{{ $k }}={{ $v }};{{ end }}", "x=1;y=2;"),
        ("{{ range .None }}a{{ else }}none{{ end }}", "none"),
        ("{{ with .Deep }}{{ .er.est }}{{ end }}", "z"),
        ("{{ with $d := .Deep }}{{ $d.er.est }}{{ end }}", "z"),
        ("{{ with .Missing }}a{{ else }}b{{ end }}", "b"),
        ("{{ $x := .Name }}{{ if .On }}{{ $x = 1 }}{{ end }}{{ $x }}", "1"),
        ("a {{- /* note }} */ -}} b{{/* x */}}", "ab"),
        ("a\n  {{- if .On }}\n  b\n  {{- end }}\nc", "a\n  b\nc"),
        ("{{ .Name -}}  \n  x", "Webx"),
    ],
)
def test_rendering(template: str, expected: str) -> None:
    assert render(template, VALUES).text == expected


@pytest.mark.parametrize(
    ("template", "line", "reason"),
    [
        ("\n{{ .Missing }}", 2, ".Missing has no value"),
        ("{{ .Nothing }}", 1, ".Nothing has no value"),
        ("{{ .Missing.x }}", 1, ".Missing has no value, so there is no .x in it"),
        ("{{ .Name.x }}", 1, ".Name is no mapping, so there is no .x in it"),
        ("{{ .Missing | quote }}", 1, "an argument of quote has no value"),
        ("{{ .Missing | toYaml }}", 1, "the argument of toYaml has no value"),
        ('{{ if eq .Missing "x" }}{{ end }}', 1, "an argument of eq has no value"),
        ('{{ if eq .Port "80" }}{{ end }}', 1, "eq cannot compare values of different types"),
        ("{{ range .Missing }}{{ end }}", 1, ".Missing has no value (an empty list will do)"),
        ("{{ range .Name }}{{ end }}", 1, ".Name is neither a list nor a mapping"),
        ("{{ .List }}", 1, ".List is a list or a mapping: use range or toYaml"),
        ('{{ required "give a name" .Empty }}', 1, "give a name"),
        ('\n\n{{ include "x" . }}', 3, "{{ include }} is not supported"),
        ("{{ lookup .Name }}", 1, "function 'lookup' is not supported"),
        ("{{ hostname }}", 1, "function 'hostname' is not supported"),
        ("{{ .Name .Port }}", 1, "only a function takes arguments"),
        ("{{ upper }}", 1, "upper takes 1 arguments, not 0"),
        ('{{ indent "x" .Name }}', 1, "indent takes a number first"),
        ("{{ $x }}", 1, "$x is not declared"),
        ("{{ $x = 1 }}", 1, "$x is not declared"),
        ("{{ if .On }}\n", 1, "{{ if }} has no {{ end }}"),
        ("\n{{ end }}", 2, "{{ end }} without a beginning"),
        ("{{ if .On }}{{ else }}{{ else }}{{ end }}", 1, "{{ else }} after {{ else }}"),
        ("\n{{ .Name", 2, "'{{' is not closed"),
        ("{{ (.Name }}", 1, "'(' is not closed"),
        ("{{ .Name ) }}", 1, "unexpected ')'"),
        ("{{ }}", 1, "a value is missing"),
        ("{{ .Name | }}", 1, "a value is missing"),
        ("{{ .Name % 2 }}", 1, "cannot read '% 2'"),
        ("{% raw %}\n{{ '}' }}", 2, "cannot read \"'}'\""),
        ("{{ if .On }}" * 60, 1, "branches nest too deeply"),
        ("{{ " + "(" * 60 + " }}", 1, "parentheses nest too deeply"),
    ],
)
def test_refusals(template: str, line: int, reason: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(template, VALUES)
    assert (caught.value.reason, caught.value.line) == (reason, line)


def test_lines_lead_back_to_the_template() -> None:
    template = (
        "name: {{ .Name }}\n"  # 1
        "{{- range .List }}\n"  # 2
        "- {{ . }}\n"  # 3
        "{{- end }}\n"  # 4
        "{{- /* two\n"  # 5
        "lines */}}\n"  # 6
        "text: |\n"  # 7
        "{{ .Text | indent 2 }}\n"  # 8
        "last: 1"  # 9
    )
    rendered = render(template, VALUES)
    lines = rendered.text.split("\n")
    assert len(lines) == len(rendered.lines)
    assert [(line.strip(), origin) for line, origin in zip(lines, rendered.lines, strict=True) if line.strip()] == [
        ("name: Web", 1), ("- a", 3), ("- b", 3), ("text: |", 7), ("one", 8), ("two", 8), ("last: 1", 9),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["a: 1\n\nb: 2\n", "{{ .Name }}\n  x: {{ .Port }}\n", "", "\n", "{{ if .On }}\na\n{{ end }}\n"]
)
def test_lines_without_trimming_are_the_same(text: str) -> None:
    rendered = render(text, VALUES)
    assert rendered.lines == list(range(1, text.count("\n") + 2))


@given(
    st.text('{}ab-. \n|()"$/*', max_size=40)
    | st.lists(
        st.sampled_from(
            [
                "{{ ",
                " }}",
                "{{- ",
                " -}}",
                "if ",
                "end",
                "else",
                "range ",
                ".List",
                ".Name",
                "$x",
                ":=",
                "\n",
                "(",
                ")",
                "|",
                "quote",
                '"a"',
            ]
        )
    ).map("".join)
)
def test_a_text_or_a_refusal(template: str) -> None:
    line = 1
    try:
        rendered = render(template, VALUES)
    except RenderError as error:
        line = error.line
    else:
        assert "<no value>" not in rendered.text
        assert len(rendered.lines) == rendered.text.count("\n") + 1
        assert all(1 <= origin <= template.count("\n") + 1 for origin in rendered.lines)
    assert 1 <= line <= template.count("\n") + 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text("ay:-#0 \n'\"", max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ynab:", max_size=3), inner, max_size=3),
        max_leaves=8,
    ).filter(lambda value: value is not None)
)
def test_to_yaml_comes_back_as_it_was(value: Any) -> None:
    from conformant.load.yaml import documents

    (document,) = documents("root:\n" + render("{{ .V | toYaml | indent 2 }}", {"V": value}).text)
    assert document.raw == {"root": value}
