package main

// What of the input a bundle looks at, so that a parent need not send the rest.

import (
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// inputKeys are the members of `input` that any module looks at; nil where that is not known: a module
// that takes `input` as a whole, or computes the key, may look at all of them.
func inputKeys(modules map[string]*ast.Module) []string {
	keys, known := map[string]bool{}, true
	for _, module := range modules {
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			if !ref.HasPrefix(ast.InputRootRef) {
				return false
			}
			if len(ref) > 1 {
				if key, ok := ref[1].Value.(ast.String); ok {
					keys[string(key)] = true
					return false
				}
			}
			known = false
			return false
		})
	}
	if !known {
		return nil
	}
	return append([]string{}, util.KeysSorted(keys)...)
}
