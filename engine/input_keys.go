package main

// What of the input a bundle looks at, so that a parent need not send the rest.

import (
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// inputKeys are the members of `input` that any module in use looks at; nil where that is not known: a
// module that takes `input` as a whole, or computes the key, may look at all of them.
func inputKeys(modules map[string]*ast.Module) []string {
	keys, known := map[string]bool{}, true
	for _, module := range inUse(modules) {
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

// inUse are the compiled modules but for those of `data.lib` that no other leads to: they are always there,
// and nobody asks for their values.
func inUse(modules map[string]*ast.Module) []*ast.Module {
	var used, left []*ast.Module
	for _, name := range util.KeysSorted(modules) {
		if module := modules[name]; isLibrary(module) {
			left = append(left, module)
		} else {
			used = append(used, module)
		}
	}
	for at := 0; at < len(used); at++ {
		ast.WalkRefs(used[at], func(ref ast.Ref) bool {
			left = slices.DeleteFunc(left, func(module *ast.Module) bool {
				leads := leadsTo(ref, module.Package.Path)
				if leads {
					used = append(used, module)
				}
				return leads
			})
			return false
		})
	}
	return used
}

func isLibrary(module *ast.Module) bool {
	path := module.Package.Path
	return len(path) > 1 && path[1].Value.Compare(ast.String("lib")) == 0
}

// leadsTo tells whether a reference may name something of a package: as far as both are constant they agree.
func leadsTo(ref, path ast.Ref) bool {
	for i := range min(len(ref), len(path)) {
		if i > 0 && !ast.IsConstant(ref[i].Value) {
			return true
		}
		if !ref[i].Equal(path[i]) {
			return false
		}
	}
	return true
}
