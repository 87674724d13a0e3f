package main

// Modules of several authors in one bundle, each with its own version of the language, its own
// package and its own piece of `data`, whatever their texts call them.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// A module is a text and what it becomes part of.
type module struct {
	moduleText
	RegoVersion string `json:"rego_version"`
	// Package is the package it gets instead of its own.
	Package []string `json:"package"`
	// Roots are all it may name below `data`, each with what comes before it: its own package,
	// unless it gets another, and every reference move there. Without roots nothing moves.
	Roots map[string][]string `json:"roots"`
}

// move gives a parsed module its package and its references their places.
func (m *module) move(parsed *ast.Module) ast.Errors {
	var errs ast.Errors
	refuse := func(at *ast.Location, format string, args ...any) {
		errs = append(errs, ast.NewError(ast.CompileErr, at, format, args...))
	}
	switch {
	case len(m.Package) > 0:
		parsed.Package.Path = dataRef(m.Package)
	case m.Roots != nil:
		moved, err := m.moved(parsed.Package.Path)
		if err != nil {
			refuse(parsed.Package.Location, "package %s: %s", strings.TrimPrefix(parsed.Package.Path.String(), "data."), err)
			break
		}
		parsed.Package.Path = moved
	}
	if m.Roots == nil {
		return errs
	}
	for _, each := range parsed.Imports {
		// `import rego.v1` and `import input.x` are references, too: they stay.
		if _, err := ast.TransformRefs(each, m.transform(each.Location, refuse)); err != nil {
			refuse(each.Location, "%s", err)
		}
	}
	for _, rule := range parsed.Rules {
		if _, err := ast.TransformRefs(rule, m.transform(rule.Location, refuse)); err != nil {
			refuse(rule.Location, "%s", err)
		}
	}
	return errs
}

// transform is `moved` for every reference to data; a reference has no place of its own in OPA's
// tree, but its first term mostly has.
func (m *module) transform(otherwise *ast.Location, refuse func(*ast.Location, string, ...any)) func(ast.Ref) (ast.Value, error) {
	return func(ref ast.Ref) (ast.Value, error) {
		if len(ref) == 0 || !ref[0].Equal(ast.DefaultRootDocument) {
			return ref, nil
		}
		moved, err := m.moved(ref)
		if err != nil {
			at := otherwise
			if ref[0].Location != nil {
				at = ref[0].Location
			}
			refuse(at, "%s: %s", ref, err)
			return ref, nil
		}
		return moved, nil
	}
}

// moved is a reference below `data` where it stands for this module. Moving twice is moving once:
// rules that share a head share its terms.
func (m *module) moved(ref ast.Ref) (ast.Ref, error) {
	for _, before := range m.Roots {
		if len(before) > 0 && ref.HasPrefix(dataRef(before)) {
			return ref, nil
		}
	}
	if len(ref) > 1 {
		if root, ok := ref[1].Value.(ast.String); ok {
			if before, known := m.Roots[string(root)]; known {
				head := dataRef(before)
				head[0] = ref[0]
				return append(head, ref[1:]...), nil
			}
		}
	}
	names := slices.Sorted(maps.Keys(m.Roots))
	return nil, fmt.Errorf("found a name below data that is not this module's, expected data.%s", strings.Join(names, " or data."))
}

func dataRef(segments []string) ast.Ref {
	ref := make(ast.Ref, 0, len(segments)+1)
	ref = append(ref, ast.DefaultRootDocument)
	for _, segment := range segments {
		ref = append(ref, ast.StringTerm(segment))
	}
	return ref
}
