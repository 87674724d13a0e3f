package main

// What a policy may use: OPA's own built-ins of this release without those that reach outside the
// evaluation (network, host, clock), for modules, `with` targets, tests and schemas alike.

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/util"
)

// removedBuiltins reach the network or the host, or read the wall clock, which no replay can repeat.
var removedBuiltins = []string{
	"crypto.x509.parse_and_verify_certificates",
	"crypto.x509.parse_and_verify_certificates_with_options",
	"http.send",
	"net.lookup_ip_addr",
	"opa.runtime",
}

func capabilities(regoVersion ast.RegoVersion, own ...*ast.Builtin) *ast.Capabilities {
	c := ast.CapabilitiesForThisVersion(ast.CapabilitiesRegoVersion(regoVersion))
	c.Builtins = slices.DeleteFunc(c.Builtins, func(b *ast.Builtin) bool {
		return slices.Contains(removedBuiltins, b.Name)
	})
	c.Builtins = append(c.Builtins, own...)
	// Empty is "no host", nil would be "any host": schemas can hold remote references.
	c.AllowNet = []string{}
	return c
}

// newCompiler is the compiler for everything that is evaluated here. The problems it appends to
// `forbidden` while compiling name each use of a removed built-in; `own` are built-ins of this bundle alone.
func newCompiler(regoVersion ast.RegoVersion, texts sources, forbidden *[]problem, own ...*ast.Builtin) *ast.Compiler {
	compiler := ast.NewCompiler().
		WithCapabilities(capabilities(regoVersion, own...)).
		WithDefaultRegoVersion(regoVersion).
		SetErrorLimit(0)
	// References are resolved and locals renamed by then: what still carries the name of a built-in
	// is that built-in, be it called, replaced by `with`, or a replacement (CVE-2022-36085).
	return compiler.WithStageAfterID(ast.StageRewriteLocalVars, ast.CompilerStageDefinition{
		Name:       "RefuseRemovedBuiltins",
		MetricName: "refuse_removed_builtins",
		Stage: func(c *ast.Compiler) *ast.Error {
			for _, path := range util.KeysSorted(c.Modules) {
				ast.WalkTerms(c.Modules[path], func(term *ast.Term) bool {
					if ref, ok := term.Value.(ast.Ref); ok && slices.Contains(removedBuiltins, ref.String()) {
						message := "found built-in " + ref.String() + ", which is not allowed here: expected the policy to decide from its input and data alone"
						*forbidden = append(*forbidden, texts.place(builtinNotAllowed, message, term.Location))
					}
					return false
				})
			}
			return nil
		},
	})
}

var errFileReference = errors.New("schema: found a file reference, expected none: policies read no files")

// OPA's allow_net does not cover `file://` references: json.match_schema would open local files.
func init() {
	for name, schemaOperand := range map[string]int{"json.match_schema": 1, "json.verify_schema": 0} {
		original := topdown.GetBuiltin(name)
		topdown.RegisterBuiltinFunc(name, func(bctx topdown.BuiltinContext, operands []*ast.Term, iter func(*ast.Term) error) error {
			schema, err := ast.JSON(operands[schemaOperand].Value)
			if err != nil {
				return err
			}
			if text, ok := schema.(string); ok {
				// As OPA reads it: the first value of the text, the last of duplicate keys.
				if util.NewJSONDecoder(strings.NewReader(text)).Decode(&schema) != nil {
					schema = nil // OPA refuses it in its own words
				}
			}
			if namesFile(schema) {
				return errFileReference
			}
			return original(bctx, operands, iter)
		})
	}
}

// namesFile is whether any string of a schema is a reference to a file.
func namesFile(schema any) bool {
	switch schema := schema.(type) {
	case string:
		reference, err := url.Parse(schema)
		return err == nil && reference.Scheme == "file"
	case []any:
		return slices.ContainsFunc(schema, namesFile)
	case map[string]any:
		for _, value := range schema {
			if namesFile(value) {
				return true
			}
		}
	}
	return false
}
