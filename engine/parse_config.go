package main

// Conftest's own built-ins, for bundles that ask for them in their header and for no other: a text
// parsed while a rule runs, and files that the parent has read and handed over with the bundle.
//
// Nothing here opens a file. What cannot be parsed, and a file that was not handed over, ends the
// evaluation: a built-in error would only leave its rule out, which would let everything pass.

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"github.com/BurntSushi/toml"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"
)

const (
	parseConfig     = "parse_config"
	parseConfigFile = "parse_config_file"
	parseCombined   = "parse_combined_config_files"
)

var configTypes = map[string]*types.Function{
	parseConfig:     types.NewFunction(types.Args(types.S, types.S), types.A),
	parseConfigFile: types.NewFunction(types.Args(types.S), types.A),
	parseCombined:   types.NewFunction(types.Args(types.NewArray(nil, types.S)), types.A),
}

// A handedFile is one that rules may name, by its path below where modules' paths begin.
type handedFile struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// configBuiltins are the built-ins `wanted`, declared for a compiler and as options of a query.
func configBuiltins(wanted []string, files []handedFile) ([]*ast.Builtin, []func(*rego.Rego), error) {
	values := map[string]*ast.Term{}
	for _, file := range files {
		value, err := readValue(file.Value)
		if err != nil {
			return nil, nil, inputFailure("file "+file.Path, file.Value, err)
		}
		values[path.Clean(file.Path)] = ast.NewTerm(value)
	}
	var declared []*ast.Builtin
	var options []func(*rego.Rego)
	for _, name := range wanted {
		kind, known := configTypes[name]
		if !known {
			return nil, nil, fail(badRequest, fmt.Sprintf("header: found allow_builtins_extra %.80q, expected Conftest's own", name))
		}
		declared = append(declared, &ast.Builtin{Name: name, Decl: kind})
		function := &rego.Function{Name: name, Decl: kind}
		switch name {
		case parseConfig:
			options = append(options, rego.Function2(function, func(_ rego.BuiltinContext, parser, text *ast.Term) (*ast.Term, error) {
				return parsedText(parser, text)
			}))
		case parseConfigFile:
			options = append(options, rego.Function1(function, func(at rego.BuiltinContext, name *ast.Term) (*ast.Term, error) {
				value, _, err := handed(at, name, values)
				return value, err
			}))
		case parseCombined:
			options = append(options, rego.Function1(function, func(at rego.BuiltinContext, names *ast.Term) (*ast.Term, error) {
				return combined(at, names, values)
			}))
		}
	}
	return declared, options, nil
}

// parsedText is the value of a text in the language that `parser` names.
func parsedText(parser, text *ast.Term) (*ast.Term, error) {
	name, isName := parser.Value.(ast.String)
	given, isText := text.Value.(ast.String)
	if !isName || !isText {
		return nil, rego.NewHaltError(fmt.Errorf("%s: found arguments that are no texts, expected a parser and a text", parseConfig))
	}
	value, err := parsedAs(string(name), []byte(given))
	if err != nil {
		return nil, rego.NewHaltError(fmt.Errorf("%s(%q, …): %w", parseConfig, string(name), err))
	}
	return ast.NewTerm(value), nil
}

func parsedAs(parser string, text []byte) (ast.Value, error) {
	switch parser {
	case "json":
		return readValue(text)
	case "yaml", "yml":
		return parsedYAML(text)
	case "hcl2", "tf":
		value, err := readHCL(text, defaultHCLLimits)
		if err != nil {
			return nil, err
		}
		return readValue(value)
	case "toml":
		if err := boundedNesting(text, defaultManifestLimits.Depth); err != nil {
			return nil, err
		}
		var value map[string]any
		if err := toml.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		written, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		return readValue(written)
	}
	return nil, fmt.Errorf("found a parser that is not here, expected json, yaml, toml or hcl2")
}

// parsedYAML is the one document of a text, or the list of them.
func parsedYAML(text []byte) (ast.Value, error) {
	documents, err := readManifests(slices.Clone(text), defaultManifestLimits)
	if err != nil {
		return nil, err
	}
	var values []*ast.Term
	for _, d := range documents {
		value, err := readValue(d.value)
		if err != nil {
			return nil, err
		}
		values = append(values, ast.NewTerm(value))
	}
	switch len(values) {
	case 0:
		return ast.NullValue, nil
	case 1:
		return values[0].Value, nil
	}
	return ast.NewArray(values...), nil
}

// boundedNesting refuses a text with more open brackets than a reader that recurses should see.
func boundedNesting(text []byte, most int) error {
	open, deepest := 0, 0
	for _, char := range text {
		switch char {
		case '[', '{':
			open++
			deepest = max(deepest, open)
		case ']', '}':
			open--
		}
	}
	if deepest > most {
		return fmt.Errorf("found nesting deeper than %d, expected at most that", most)
	}
	return nil
}

// handed is the value of a file that a rule names: relative to its own file, as Conftest takes it.
func handed(at rego.BuiltinContext, name *ast.Term, values map[string]*ast.Term) (*ast.Term, string, error) {
	given, ok := name.Value.(ast.String)
	if !ok || at.Location == nil {
		return nil, "", rego.NewHaltError(fmt.Errorf("%s: found no path, expected a text", parseConfigFile))
	}
	whole := path.Join(path.Dir(at.Location.File), string(given))
	value := values[whole]
	if value == nil {
		return nil, "", rego.NewHaltError(fmt.Errorf("%s: found %q, expected a file named by a literal text, below the working directory", parseConfigFile, whole))
	}
	return value, whole, nil
}

func combined(at rego.BuiltinContext, names *ast.Term, values map[string]*ast.Term) (*ast.Term, error) {
	list, ok := names.Value.(*ast.Array)
	if !ok {
		return nil, rego.NewHaltError(fmt.Errorf("%s: found no list, expected paths", parseCombined))
	}
	var members []*ast.Term
	for i := range list.Len() {
		value, whole, err := handed(at, list.Elem(i), values)
		if err != nil {
			return nil, err
		}
		members = append(members, ast.ObjectTerm([2]*ast.Term{ast.StringTerm("contents"), value}, [2]*ast.Term{ast.StringTerm("path"), ast.StringTerm(whole)}))
	}
	return ast.ArrayTerm(members...), nil
}
