package main

// A bundle: modules and data, compiled once, evaluated often.

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/util"
)

type bundle struct {
	compiler *ast.Compiler
	store    storage.Store
	sources  sources
	own      []func(*rego.Rego) // built-ins of this bundle alone

	mu       sync.Mutex
	prepared map[string]*prepared
	plans    map[string]*reviewPlan
}

// bundles are the compiled bundles by id. An evaluation keeps the bundle it started with.
type bundles struct {
	mu   sync.Mutex
	byID map[string]*bundle
}

func (b *bundles) put(id string, compiled *bundle) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byID[id] = compiled
}

func (b *bundles) find(id string) (*bundle, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if found := b.byID[id]; found != nil {
		return found, nil
	}
	return nil, unknownBundle(id)
}

func (b *bundles) drop(id string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, known := b.byID[id]
	delete(b.byID, id)
	return known
}

// forgetPrepared makes every bundle prepare its queries anew.
func (b *bundles) forgetPrepared() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, each := range b.byID {
		each.mu.Lock()
		clear(each.prepared)
		clear(each.plans)
		each.mu.Unlock()
	}
}

// moduleText is a module as it is sent.
type moduleText struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// compile makes a bundle: parse, compile, load the data, prepare what will be asked.
func (s *server) compile(r request) ([]byte, error) {
	var header struct {
		Bundle             string                     `json:"bundle"`
		Modules            []module                   `json:"modules"`
		Data               json.RawMessage            `json:"data"`
		DataInBody         bool                       `json:"data_in_body"`
		RegoVersion        string                     `json:"rego_version"`
		Strict             bool                       `json:"strict"`
		AllowBuiltinsExtra []string                   `json:"allow_builtins_extra"`
		Schemas            map[string]json.RawMessage `json:"schemas"`
		Entrypoints        []entrypoint               `json:"entrypoints"`
		Files              []handedFile               `json:"files"`
	}
	if err := decodeHeader(r.header, &header); err != nil {
		return nil, err
	}
	if header.Bundle == "" {
		return nil, fail(badRequest, "header: found no bundle id, expected one")
	}
	extra, functions, err := configBuiltins(header.AllowBuiltinsExtra, header.Files)
	if err != nil {
		return nil, err
	}
	data := []byte(header.Data)
	if header.DataInBody {
		data = r.body
	} else if len(r.body) > 0 {
		return nil, fail(badRequest, "header: found a body, expected data_in_body with it")
	}
	modules, texts, regoVersion, err := parseModules(header.Modules, header.RegoVersion)
	if err != nil {
		return nil, err
	}
	store, err := storeOf(data)
	if err != nil {
		return nil, err
	}
	schemas, err := schemaSet(header.Schemas, modules)
	if err != nil {
		return nil, err
	}
	var forbidden []problem
	compiler := newCompiler(regoVersion, texts, &forbidden, extra...).WithStrict(header.Strict)
	if schemas != nil {
		compiler = compiler.WithSchemas(schemas).WithUseTypeCheckAnnotations(true)
	}
	ctx := context.Background()
	err = storage.Txn(ctx, store, storage.TransactionParams{}, func(txn storage.Transaction) error {
		// A rule and a piece of data in one place: OPA would let the rule win in silence.
		compiler.WithPathConflictsCheck(storage.NonEmpty(ctx, store, txn)).Compile(modules)
		return nil
	})
	if err != nil {
		return nil, fail(compileError, err.Error())
	}
	if err := compileFailure(compiler.Errors, forbidden, texts); err != nil {
		return nil, err
	}

	compiled := &bundle{compiler: compiler, store: store, sources: texts, own: functions, prepared: map[string]*prepared{}}
	if len(header.Entrypoints) > 0 {
		if _, err = compiled.query(header.Entrypoints, true); err != nil {
			return nil, err
		}
	}
	s.bundles.put(header.Bundle, compiled)
	return encoded(struct {
		Bundle    string        `json:"bundle"`
		Packages  []packageInfo `json:"packages"`
		InputKeys []string      `json:"input_keys"`
		Warnings  []problem     `json:"warnings"`
	}{header.Bundle, describe(modules), inputKeys(compiler.Modules), deprecations(compiler, modules, texts)}), nil
}

// parseModules parses all modules and reports the parse errors of all of them together.
func parseModules(given []module, version string) (map[string]*ast.Module, sources, ast.RegoVersion, error) {
	regoVersion, err := regoVersionOf(version, ast.RegoV1)
	if err != nil {
		return nil, nil, 0, err
	}
	if len(given) == 0 {
		// Nothing to evaluate would be nothing that denies.
		return nil, nil, 0, fail(compileError, "bundle: found no modules, expected at least one")
	}
	modules, texts := map[string]*ast.Module{}, sources{}
	var errs ast.Errors
	for _, module := range given {
		if _, twice := texts[module.Path]; twice || module.Path == "" {
			return nil, nil, 0, fail(badRequest, fmt.Sprintf("header: found module path %.80q twice or empty, expected each module to have its own", module.Path))
		}
		texts[module.Path] = module.Text
		itsVersion, err := regoVersionOf(module.RegoVersion, regoVersion)
		if err != nil {
			return nil, nil, 0, err
		}
		parsed, err := ast.ParseModuleWithOpts(module.Path, module.Text, ast.ParserOptions{
			Capabilities:      capabilities(itsVersion),
			ProcessAnnotation: true,
			RegoVersion:       itsVersion,
		})
		switch err := err.(type) {
		case nil:
			errs = append(errs, module.move(parsed)...)
			modules[module.Path] = parsed
		case ast.Errors:
			errs = append(errs, err...)
		case *ast.Error:
			errs = append(errs, err)
		default:
			errs = append(errs, ast.NewError(ast.ParseErr, ast.NewLocation(nil, module.Path, 1, 1), "%s", err))
		}
	}
	if err := compileFailure(errs, nil, texts); err != nil {
		return nil, nil, 0, err
	}
	return modules, texts, regoVersion, nil
}

// regoVersionOf is the version that a header names, `otherwise` where it names none.
func regoVersionOf(name string, otherwise ast.RegoVersion) (ast.RegoVersion, error) {
	version, ok := map[string]ast.RegoVersion{"": otherwise, "v1": ast.RegoV1, "v0": ast.RegoV0}[name]
	if !ok {
		return 0, fail(badRequest, fmt.Sprintf("header: found rego_version %.80q, expected v1 or v0", name))
	}
	return version, nil
}

// compileFailure is the failure for OPA's errors and the uses of removed built-ins, nil if neither.
func compileFailure(errs ast.Errors, forbidden []problem, texts sources) error {
	if len(errs) == 0 && len(forbidden) == 0 {
		return nil
	}
	problems := texts.compileProblems(errs)
	code := compileError
	if len(forbidden) > 0 {
		code = builtinNotAllowed
		// At the same places OPA reports functions it does not know.
		problems = slices.DeleteFunc(problems, func(p problem) bool {
			return slices.ContainsFunc(forbidden, func(f problem) bool { return f.Path == p.Path && f.Line == p.Line })
		})
		sortProblems(forbidden)
		problems = append(slices.Clone(forbidden), problems...)
	}
	return fail(code, summary(problems), problems...)
}

func storeOf(data []byte) (storage.Store, error) {
	if len(data) == 0 {
		data = []byte("{}")
	}
	value, err := readValue(data)
	if err != nil {
		return nil, fail(badRequest, "data: "+err.Error())
	}
	object, ok := value.(ast.Object)
	if !ok {
		return nil, fail(badRequest, "data: found a "+ast.ValueName(value)+", expected an object")
	}
	return inmem.NewFromASTObject(object), nil
}

// schemaSet is OPA's form of the schemas by name; "input" is also the schema of every `input`.
func schemaSet(given map[string]json.RawMessage, modules map[string]*ast.Module) (*ast.SchemaSet, error) {
	if len(given) == 0 {
		return nil, nil
	}
	set := ast.NewSchemaSet()
	for name, text := range given {
		var schema any
		if err := util.UnmarshalJSON(text, &schema); err != nil {
			return nil, fail(badRequest, fmt.Sprintf("header: schema %.80q: %s", name, err))
		}
		if namesFile(schema) {
			return nil, fail(badRequest, fmt.Sprintf("header: schema %.80q: %s", name, errFileReference))
		}
		set.Put(ast.SchemaRootRef.Append(ast.StringTerm(name)), schema)
		if name == "input" {
			set.Put(ast.SchemaRootRef, schema)
		}
	}
	for path, module := range modules {
		for _, annotations := range module.Annotations {
			for _, schema := range annotations.Schemas {
				if schema.Definition != nil && namesFile(*schema.Definition) {
					return nil, fail(compileError, fmt.Sprintf("%s:%d: %s", path, annotations.Location.Row, errFileReference))
				}
			}
		}
	}
	return set, nil
}

// What `compile` tells about a bundle: its packages with their rules, as written.
type (
	packageInfo struct {
		Path        string         `json:"path"`
		File        string         `json:"file"`
		Annotations map[string]any `json:"annotations"`
		Rules       []ruleInfo     `json:"rules"`
	}
	ruleInfo struct {
		Name        string           `json:"name"`
		Kind        string           `json:"kind"`
		Default     bool             `json:"default"`
		File        string           `json:"file"`
		Line        int              `json:"line"`
		Annotations []map[string]any `json:"annotations"`
	}
)

// describe lists the packages by path, and a package's rules in the order they are written, each
// name once with the annotations of all its definitions.
func describe(modules map[string]*ast.Module) []packageInfo {
	packages := map[string]*packageInfo{}
	for _, file := range util.KeysSorted(modules) {
		module := modules[file]
		path := strings.TrimPrefix(module.Package.Path.String(), "data.")
		info := packages[path]
		if info == nil {
			info = &packageInfo{Path: path, File: file, Rules: []ruleInfo{}}
			packages[path] = info
		}
		for _, annotations := range module.Annotations {
			if annotations.Scope == "package" {
				info.Annotations = annotationsJSON(annotations)
				info.File = file
			}
		}
		seen := map[string]bool{}
		for _, rule := range module.Rules {
			name := ruleName(rule.Head.Ref())
			at := slices.IndexFunc(info.Rules, func(r ruleInfo) bool { return r.Name == name })
			if at < 0 {
				at = len(info.Rules)
				location := rule.Loc()
				info.Rules = append(info.Rules, ruleInfo{Name: name, File: file, Line: location.Row, Annotations: []map[string]any{}})
			}
			known := &info.Rules[at]
			known.Default = known.Default || rule.Default
			if known.Kind == "" || !rule.Default {
				known.Kind = kindOf(rule.Head)
			}
			for _, annotations := range rule.Annotations {
				// OPA hangs the document's annotations on each of its rules.
				if where := name + annotations.Location.String(); !seen[where] {
					seen[where] = true
					known.Annotations = append(known.Annotations, annotationsJSON(annotations))
				}
			}
		}
	}
	list := []packageInfo{}
	for _, path := range util.KeysSorted(packages) {
		list = append(list, *packages[path])
	}
	return list
}

// ruleName is the part of a rule's reference that is fixed: "names" of `names[c.name]`.
func ruleName(ref ast.Ref) string {
	for i := 1; i < len(ref); i++ {
		if !ast.IsScalar(ref[i].Value) {
			return ref[:i].String()
		}
	}
	return ref.String()
}

func kindOf(head *ast.Head) string {
	switch {
	case len(head.Args) > 0:
		return "function"
	case head.DocKind() == ast.PartialSetDoc:
		return "partial_set"
	case head.DocKind() == ast.PartialObjectDoc:
		return "partial_object"
	default:
		return "complete"
	}
}

// annotationsJSON is a METADATA block as OPA writes it, with its place as file and line.
func annotationsJSON(annotations *ast.Annotations) map[string]any {
	var out map[string]any
	text, err := json.Marshal(annotations)
	if err == nil {
		err = util.UnmarshalJSON(text, &out)
	}
	if err != nil {
		panic(err)
	}
	delete(out, "location")
	out["file"], out["line"] = annotations.Location.File, annotations.Location.Row
	return out
}

// deprecations are the uses of built-ins that OPA wants to take away.
func deprecations(compiler *ast.Compiler, modules map[string]*ast.Module, texts sources) []problem {
	deprecated := map[string]bool{}
	for _, builtin := range compiler.Required.Builtins {
		if builtin.IsDeprecated() {
			deprecated[builtin.Name] = true
		}
	}
	warnings := []problem{}
	if len(deprecated) == 0 {
		return warnings
	}
	for _, module := range modules {
		ast.WalkTerms(module, func(term *ast.Term) bool {
			if ref, ok := term.Value.(ast.Ref); ok && deprecated[ref.String()] {
				warnings = append(warnings, texts.place("deprecated_builtin",
					"found built-in "+ref.String()+", which OPA has deprecated", term.Location))
			}
			return false
		})
	}
	sortProblems(warnings)
	return warnings
}
