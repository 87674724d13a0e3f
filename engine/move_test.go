package main

import (
	"strings"
	"testing"
)

// moving is a module that lives below gatekeeper.KIND, its libraries below libs.KIND.
func moving(path, kind, text string, more object) object {
	module := object{
		"path": path, "text": text, "rego_version": "v0",
		"roots": object{"lib": []string{"libs", kind}, "inventory": []string{}},
	}
	for key, value := range more {
		module[key] = value
	}
	return module
}

func entry(kind string) object { return object{"package": []string{"templates", kind}} }

func TestModulesOfTwoVersionsShareABundle(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, object{"bundle": "b", "modules": []object{
		{"path": "old.rego", "rego_version": "v0", "text": "package old\nviolation[{\"msg\": msg}] { msg := input.names[_] }"},
		{"path": "new.rego", "text": "package new\nviolation contains {\"msg\": msg} if some msg in input.names"},
	}}, "")
	equalJSON(t, `{"new.violation":[{"msg":"a"}],"old.violation":[{"msg":"a"}]}`,
		c.done(opEvaluate, asking("b", "old.violation", "new.violation"), `{"names":["a"]}`)["results"])
	c.refused(badRequest, opCompile, object{"bundle": "b", "modules": []object{{"path": "a.rego", "text": "package a", "rego_version": "v2"}}}, "")
	c.refused(compileError, opCompile, object{"bundle": "b", "modules": []object{{"path": "a.rego", "text": "package a\nx { true }"}}}, "")
}

func TestLibrariesOfOneNameDoNotMeet(t *testing.T) {
	c := inProcess(t)
	text := "package anything\nimport data.lib.names.good\nviolation[{\"msg\": msg}] { good(input.name); msg := data.lib.names.text } {\n  input.all\n  msg := concat(\" \", [data.lib.names.text, {x | x := data.lib.names.list[_]}[_]])\n}"
	library := func(name string) string {
		return "package lib.names\ngood(x) { x == \"" + name + "\" }\ntext = \"" + name + "\"\nlist = [data.lib.names.text]"
	}
	c.done(opCompile, object{"bundle": "b", "modules": []object{
		moving("a.rego", "A", text, entry("A")), moving("a-lib.rego", "A", library("a"), nil),
		moving("b.rego", "B", text, entry("B")), moving("b-lib.rego", "B", library("b"), nil),
	}}, "")
	results := func(input string) any {
		return c.done(opEvaluate, asking("b", "templates.A.violation", "templates.B.violation"), input)["results"]
	}
	equalJSON(t, `{"templates.A.violation":[{"msg":"a"}],"templates.B.violation":[]}`, results(`{"name":"a"}`))
	equalJSON(t, `{"templates.A.violation":[{"msg":"a a"}],"templates.B.violation":[{"msg":"b b"}]}`, results(`{"name":"c","all":true}`))
}

func TestDataThatIsAllowedStaysWhereItIs(t *testing.T) {
	c := inProcess(t)
	c.done(opCompile, object{"bundle": "b", "data": object{"inventory": object{"x": 1}}, "modules": []object{
		moving("a.rego", "A", "package a\nv[x] { data.inventory.x = x }\nw = data.inventory", entry("A")),
		{"path": "hook.rego", "text": "package hook\nv := x if x := data.templates.A.v with data.inventory as input.inventory"},
	}}, "")
	equalJSON(t, `{"hook.v":[2],"templates.A.v":[1],"templates.A.w":{"x":1}}`,
		c.done(opEvaluate, asking("b", "hook.v", "templates.A.v", "templates.A.w"), `{"inventory":{"x":2}}`)["results"])
}

func TestAModuleNamesNothingOfOthers(t *testing.T) {
	c := inProcess(t)
	for _, body := range []string{
		"import data.other.x\nv[1]", "import data\nv[1]", "v[x] { x := data.templates.B.v[_] }", "v[x] { x := data[input.name] }",
		"v[x] { x := data }", "v[x] { walk(data, [_, x]) }", "v[data.libs.B.x]", "v[x] { x := {\"a\": [data.secret]} }",
		"v[x] { x := input.a with data.other as 1 }", "f(x) = data.other.y", "v[x] { x := [y | y := data.other[_]] }",
		"default v = data.other", "v[1] { true } else = data.other { true }", "v[x] { x := data.lib.a } { x := data.other }",
	} {
		failed := c.refused(compileError, opCompile, object{"bundle": "b", "modules": []object{
			moving("a.rego", "A", "package a\n"+body, entry("A")),
		}}, "")
		if len(failed.Problems) == 0 || failed.Problems[0].Path != "a.rego" || failed.Problems[0].Line != 2 {
			t.Errorf("%s: found problems %v", body, failed.Problems)
		}
	}
	failed := c.refused(compileError, opCompile, object{"bundle": "b", "modules": []object{
		moving("a.rego", "A", "package a\nv[x] {\n  x := data.other.y\n}", entry("A")),
	}}, "")
	if p := failed.Problems[0]; p.Line != 3 || p.Column != 8 || !strings.Contains(p.Message, "data.other.y") || !strings.Contains(p.Message, "data.inventory or data.lib") {
		t.Errorf("found %+v", p)
	}
	c.refused(compileError, opCompile, object{"bundle": "b", "modules": []object{moving("a.rego", "A", "package other.x\nv[1]", nil)}}, "")
}
