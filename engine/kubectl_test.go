package main

// The manifest reader held against kubectl itself: `kubectl patch --local` with an empty patch prints
// the objects of a file as kubectl would send them, and needs no server.

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// kubectlPath is `GATE_KUBECTL`, the one that the benchmarks build (bench/machine.py), or that of PATH.
func kubectlPath(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("GATE_KUBECTL"); named != "" {
		return named
	}
	if home, err := os.UserHomeDir(); err == nil {
		if built, _ := filepath.Glob(filepath.Join(home, ".cache", "gate", "bench", "kubectl-*")); len(built) > 0 {
			return built[len(built)-1]
		}
	}
	found, err := exec.LookPath("kubectl")
	if err != nil {
		if os.Getenv("GATE_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("no kubectl: set GATE_KUBECTL, or build it with `python -m bench.machine`")
	}
	return found
}

// kubectlReads is what kubectl prints for `paths`: the objects as they are, and what it complains of.
func kubectlReads(t *testing.T, kubectl string, paths ...string) ([]any, string) {
	t.Helper()
	command := exec.Command(kubectl, "patch", "--local", "--type=merge", "-p", "{}", "-o", "json")
	for _, path := range paths {
		command.Args = append(command.Args, "-f", path)
	}
	command.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(t.TempDir(), "none"))
	out, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, string(exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var list []any
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var value any
		if err := decoder.Decode(&value); err == io.EOF {
			return list, ""
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, flattened(value)...)
	}
}

// flattened is the items of a List, as kubectl visits them, without the namespace it fills in.
func flattened(value any) []any {
	top, ok := value.(object)
	if items, isList := top["items"].([]any); ok && isList && strings.HasSuffix(fmt.Sprint(top["kind"]), "List") {
		var list []any
		for _, item := range items {
			list = append(list, flattened(item)...)
		}
		return list
	}
	if metadata, ok := top["metadata"].(object); ok && metadata["namespace"] == "default" {
		delete(metadata, "namespace")
	}
	return []any{value}
}

// weRead is the objects of a file as gate reads it, false where gate refuses it.
func weRead(t *testing.T, path string) ([]any, bool) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	documents, err := readManifests(text, defaultManifestLimits)
	if err != nil {
		return nil, false
	}
	list := []any{}
	for _, d := range documents {
		var value any
		if err := json.Unmarshal(d.value, &value); err != nil {
			t.Fatal(err)
		}
		if value != nil {
			list = append(list, flattened(value)...)
		}
	}
	return list, true
}

// notAsked matches what kubectl complains of without having misread anything: it wants names, kinds and
// objects, of which gate asks elsewhere or not at all.
var notAsked = regexp.MustCompile(`resource name may not be empty|'Kind' is missing|no objects passed|namespace .* does not match|` +
	`apiVersion.* not set|kind.* not set|resource mapping not found|the server doesn't have|'apiVersion' is missing|` +
	// A List in a List, of which gate judges the members.
	`is not a list: no Items field`)

// A comparison counts what was held against kubectl.
type comparison struct{ files, refused, same, notAsked int }

// compare holds the files against kubectl, `atOnce` in one process; where that ends in an error or a
// difference it is each half by itself, down to the file that is meant.
func (c *comparison) compare(t *testing.T, kubectl string, paths []string) {
	t.Helper()
	var readable []string
	ours := map[string][]any{}
	for _, path := range paths {
		c.files++
		if list, ok := weRead(t, path); ok {
			readable = append(readable, path)
			ours[path] = list
		} else {
			c.refused++
		}
	}
	const atOnce = 64
	for len(readable) > 0 {
		count := min(atOnce, len(readable))
		c.halves(t, kubectl, readable[:count], ours)
		readable = readable[count:]
	}
}

func (c *comparison) halves(t *testing.T, kubectl string, paths []string, ours map[string][]any) {
	t.Helper()
	var actual []any
	for _, path := range paths {
		actual = append(actual, ours[path]...)
	}
	expected, complaint := kubectlReads(t, kubectl, paths...)
	switch {
	case complaint == "" && bytes.Equal(asJSON(expected), asJSON(actual)):
		c.same += len(paths)
	case len(paths) > 1:
		c.halves(t, kubectl, paths[:len(paths)/2], ours)
		c.halves(t, kubectl, paths[len(paths)/2:], ours)
	case notAsked.MatchString(complaint) || complaint != "" && len(actual) == 0:
		c.notAsked++
	case complaint != "":
		t.Errorf("%s: kubectl refuses it (%s), gate reads %.2000s", paths[0], complaint, asJSON(actual))
	default:
		t.Errorf("%s:\nfound   %.2000s\nkubectl %.2000s", paths[0], asJSON(actual), asJSON(expected))
	}
}

func TestRealManifestsReadAsKubectlReadsThem(t *testing.T) {
	kubectl := kubectlPath(t)
	var all []string
	for _, folder := range []string{"manifests", "pss", "gatekeeper-library"} {
		all = append(all, files(t, folder, ".yaml", ".yml", ".json")...)
	}
	if os.Getenv("GATE_LONG") != "1" {
		var some []string
		for i := 0; i < len(all); i += 20 {
			some = append(some, all[i])
		}
		all = some
	}
	var c comparison
	c.compare(t, kubectl, all)
	t.Logf("%+v", c)
	if c.same < len(all)*3/4 {
		t.Errorf("found only %d of %d files that both read, expected most", c.same, len(all))
	}
}

func TestGeneratedManifestsReadAsKubectlReadsThem(t *testing.T) {
	kubectl := kubectlPath(t)
	count := 100
	if os.Getenv("GATE_LONG") == "1" {
		count = 5000
	}
	folder := t.TempDir()
	var paths []string
	write := func(text string) {
		path := filepath.Join(folder, fmt.Sprintf("%05d.yaml", len(paths)))
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	const head = "apiVersion: x.example/v1\nkind: Odd\nmetadata: {name: odd}\n"
	// Every odd scalar by itself, as a value, as a key, in a flow, and in a list.
	for _, scalar := range oddScalars {
		write(head + "spec:\n  a: " + scalar + "\n")
		write(head + "spec:\n  ? " + scalar + "\n  : 1\n")
		write(head + "spec:\n  " + scalar + ": 1\n")
		write(head + "spec: {a: [" + scalar + ", b], c: " + scalar + "}\n")
	}
	for _, stream := range oddStreams {
		write(stream)
	}
	chance := rand.New(rand.NewSource(20261128)) // the same files each time
	for range count {
		g := generator{chance: chance}
		write(head + "spec:" + g.block(2, 0))
	}
	var c comparison
	c.compare(t, kubectl, paths)
	t.Logf("%+v", c)
	if c.same < count/2 || c.same < len(paths)/3 {
		t.Errorf("found only %d of %d files that both read, expected more", c.same, len(paths))
	}
}

// oddScalars are texts that YAML 1.1, YAML 1.2 and JSON have different opinions of.
var oddScalars = []string{
	"yes", "No", "ON", "off", "y", "n", "True", "FALSE", "null", "Null", "~", "''", `""`, "010", "0o10", "08", "0x1F", "0b101", "-0b1", "1_000", "0x_1f", "1e3", "1E+3", "1.e2", ".5", "-.5", "+1", "-0", "0.0", "-0.0", "+.5e-3",
	"1:30", "190:20:30", "1:30.5", "2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01 00:00:00", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616", "1e400", "-1e400", "1e-400", "1.7976931348623157e308", "123456789.123456789", "0.1", "100000000000000000000000", "1e21", "1e20", ".inf", "-.INF", ".NaN", "0x8000000000000000", "00", "-010", "+010", "0.", "1.", "._", "_", "1_", "_1", "1__0",
	"<<", "=", "!!str 5", "!!int '5'", "!!float 5", "!!bool 'yes'", "!!null ''", "!!binary aGk=", "!!timestamp 2020-01-01", "!local x", "! 5", "&a x", "!!str", "!!set {a}", "!!omap [a: 1]", "!<tag:yaml.org,2002:str> 5",
	`"\x41"`, `"\u00e9\U0001F600"`, `"\ud83d\ude00"`, `"\ud800"`, `"\e\0"`, `"\/"`, `"a\
    b"`, `'it''s'`, `"a  b"`, "a # b", "a#b", "'#'", "\"a: b\"", "a:b", "- a", "-a", "-", "?a", ":a", "@a", "`a", "%a", "*a", "|", ">", "é", "\u00a0x", "\u2028", "日本", "\ufeff", "a\tb", "'\t'", "{}", "[]", "{a}", "[a: 1]", "{a: , b: }", "[,]", "[a,]", "{a:1}", `{"a":1}`, "{a: 1, a: 2}",
}

// oddStreams are whole files.
var oddStreams = []string{
	"\ufeffapiVersion: v1\nkind: A\nmetadata: {name: a}\n", "apiVersion: v1\r\nkind: A\r\nmetadata:\r\n  name: a\r\n---\r\napiVersion: v1\r\nkind: B\r\nmetadata: {name: b}\r\n",
	"---\n---\napiVersion: v1\nkind: A\nmetadata: {name: a}\n---\n# only this\n---\n", "--- # c\napiVersion: v1\nkind: A\nmetadata: {name: a}\n...\n", "%YAML 1.1\n---\napiVersion: v1\nkind: A\nmetadata: {name: a}\n",
	"%YAML 1.2\n---\napiVersion: v1\nkind: A\nmetadata: {name: on}\n", `{"apiVersion":"v1","kind":"A","metadata":{"name":"a"}}{"apiVersion":"v1","kind":"B","metadata":{"name":"b"}}`,
	"{\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"}}\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}\n", "{apiVersion: v1, kind: A, metadata: {name: a}}\n", "  {\"apiVersion\":\"v1\",\"kind\":\"A\",\"metadata\":{\"name\":\"a\"},\"spec\":{\"n\":1.0,\"e\":1e2,\"b\":9007199254740993}}",
	"apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n  metadata: {name: a}\n- apiVersion: v1\n  kind: List\n  items: [{apiVersion: v1, kind: B, metadata: {name: b}}]\n", "apiVersion: v1\nkind: List\nitems: []\n", `{"apiVersion":"v1","kind":"A","metadata":{"name":"a"},"x":NaN,"y":-0,"z":-0.0}`,
	"apiVersion: v1\nkind: A\nmetadata: {name: a}\ndata:\n  x: |\n    a\n    ---b\n    ---\n  y: 1\n", "apiVersion: v1\nkind: A\nmetadata: {name: a}\ndata: \"a\n  ---\n  b\"\n", "apiVersion: v1\nkind: A\nmetadata: {name: a}\ndata:\n  x: |-\n    a\n\n  y: >+\n    b\n\n    c\n\n",
	"a: &x\n  <<: {apiVersion: v1}\n  kind: A\n<<: *x\nmetadata: {name: a}\n", "apiVersion: &v v1\nkind: A\nmetadata: &m {name: a}\nspec: {m: *m, v: *v}\n", "apiVersion: v1\nkind: A\nmetadata: {name: a}\nspec: {<<: [{a: 1}, {b: 2}], c: 3}\n", "apiVersion: v1\nkind: A\nmetadata: {name: a}\nspec: {<<: [{a: 1}, {a: 2}]}\n",
}

// A generator writes YAML that is mostly right.
type generator struct {
	chance *rand.Rand
	names  int
}

func (g *generator) scalar() string {
	if g.chance.Intn(3) > 0 {
		return []string{"text", "some words", "5", "true", "1.5", `"quoted"`, "'single'", "10m", "128Mi", "a/b:c", "$(X)", "-x", "null"}[g.chance.Intn(13)]
	}
	return oddScalars[g.chance.Intn(len(oddScalars))]
}

func (g *generator) key() string {
	g.names++
	if g.chance.Intn(8) > 0 {
		return fmt.Sprintf("k%d", g.names)
	}
	return []string{`"q%d"`, "'s%d'", "a.b/c%d", "%d", "%d.5", "-%d", "x y%d", "é%d", "!!str %d", "0x%d"}[g.chance.Intn(10)]
}

// block is a value below a key: a scalar or flow on its line, or a collection on the next lines.
func (g *generator) block(indent, depth int) string {
	pad := strings.Repeat(" ", indent)
	kind := g.chance.Intn(10)
	if depth > 4 {
		kind = min(kind, 4)
	}
	var out strings.Builder
	switch {
	case kind < 3:
		return " " + g.scalar() + []string{"\n", " # comment\n", "\n\n", "\r\n"}[g.chance.Intn(4)]
	case kind == 3:
		return " " + g.flow(0) + "\n"
	case kind == 4:
		return " " + []string{"|", ">", "|-", ">-", "|+", ">+"}[g.chance.Intn(6)] + "\n" + pad + "line\n" + pad + []string{"", "  ", "# ", "- "}[g.chance.Intn(4)] + "more: x\n" + []string{"", "\n", "\n\n"}[g.chance.Intn(3)]
	case kind < 8:
		out.WriteString([]string{"\n", " # c\n", " &m" + fmt.Sprint(g.chance.Intn(100)) + "\n"}[g.chance.Intn(3)])
		for range 1 + g.chance.Intn(4) {
			key := g.key()
			if strings.Contains(key, "%d") {
				key = fmt.Sprintf(key, g.names)
			}
			out.WriteString(pad + key + ":" + g.block(indent+1+g.chance.Intn(3), depth+1))
		}
	default:
		out.WriteString("\n")
		for range 1 + g.chance.Intn(3) {
			out.WriteString(pad + "-" + g.block(indent+2, depth+1))
		}
	}
	return out.String()
}

func (g *generator) flow(depth int) string {
	var parts []string
	isList := g.chance.Intn(2) == 0
	for range g.chance.Intn(4) {
		value := g.scalar()
		if depth < 3 && g.chance.Intn(3) == 0 {
			value = g.flow(depth + 1)
		}
		if !isList {
			g.names++
			value = fmt.Sprintf("f%d: %s", g.names, value)
		}
		parts = append(parts, value)
	}
	if isList {
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
