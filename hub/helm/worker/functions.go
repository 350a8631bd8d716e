package worker

import (
	"fmt"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"text/template"
	"text/template/parse"

	"github.com/Masterminds/sprig/v3"
	"github.com/drover-dev/drover/hub/helm"
	chart "helm.sh/helm/v4/pkg/chart/v2"
)

// volatile are the functions of templates whose result is another each time.
var volatile = []string{
	"now", "ago", "shuffle", "uuidv4", "randAlphaNum", "randAlpha", "randNumeric", "randAscii", "randBytes", "randInt",
	"genPrivateKey", "genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey",
	"htpasswd", "bcrypt", "encryptAES",
}

// calls notices which functions of interest a render calls. What a template only mentions is no matter: most charts
// hold code for passwords that nobody left to chance.
type calls struct {
	mu     sync.Mutex
	called map[string]bool
}

func (c *calls) note(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.called == nil {
		c.called = map[string]bool{}
	}
	c.called[name] = true
}

// functions gives what stands in for Helm's own functions of the same names.
func (c *calls) functions() template.FuncMap {
	out := template.FuncMap{
		"lookup": func(string, string, string, string) (map[string]any, error) {
			c.note("lookup")
			return map[string]any{}, nil
		},
		"getHostByName": func(string) string {
			c.note("getHostByName")
			return ""
		},
		"keys":   sortedKeys,
		"values": sortedValues,
	}
	originals := sprig.TxtFuncMap()
	for _, name := range volatile {
		f := reflect.ValueOf(originals[name])
		out[name] = reflect.MakeFunc(f.Type(), func(args []reflect.Value) []reflect.Value {
			c.note(name)
			if f.Type().IsVariadic() {
				return f.CallSlice(args)
			}
			return f.Call(args)
		}).Interface()
	}
	return out
}

// sortedKeys and sortedValues are sprig's keys and values in one of the orders that those may give, always the same.
func sortedKeys(dicts ...map[string]any) []string {
	out := []string{}
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func sortedValues(dict map[string]any) []any {
	out := []any{}
	for _, k := range slices.Sorted(maps.Keys(dict)) {
		out = append(out, dict[k])
	}
	return out
}

// warnings tells of each function that was called, at the first place of each template that has it.
func (c *calls) warnings(root *chart.Chart) []helm.Warning {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.called) == 0 {
		return nil
	}
	var out []helm.Warning
	located := map[string]bool{}
	eachTemplate(root, func(name, text string) {
		for function, line := range mentions(name, text) {
			if c.called[function] {
				located[function] = true
				out = append(out, helm.Warning{File: name, Line: line, Function: function, Text: advice(function)})
			}
		}
	})
	for function := range c.called {
		if !located[function] {
			out = append(out, helm.Warning{Function: function, Text: "a text given to tpl: " + advice(function)})
		}
	}
	slices.SortFunc(out, func(a, b helm.Warning) int {
		return strings.Compare(a.File+"\x00"+a.Function, b.File+"\x00"+b.Function)
	})
	return out
}

func advice(function string) string {
	switch function {
	case "lookup":
		return "lookup finds nothing, because charts are rendered without a cluster, as by helm template; give the chart by its values what it looks for"
	case "getHostByName":
		return "getHostByName gives nothing, because charts are rendered without a network, as by helm template; give the address by a value"
	}
	return fmt.Sprintf("%s gives something else each time; Drover keeps the first result until the chart, its values or the cluster's versions change; give the chart a value of its own, or an existing Secret, instead", function)
}

// eachTemplate visits the templates of a chart and of its dependencies.
func eachTemplate(c *chart.Chart, visit func(name, text string)) {
	for _, t := range c.Templates {
		visit(path.Join(c.ChartFullPath(), t.Name), string(t.Data))
	}
	for _, d := range c.Dependencies() {
		eachTemplate(d, visit)
	}
}

// mentions gives the functions that a template names, with the first line of each.
func mentions(name, text string) map[string]int {
	trees := map[string]*parse.Tree{}
	t := parse.New(name)
	t.Mode = parse.SkipFuncCheck
	if _, err := t.Parse(text, "", "", trees); err != nil {
		return nil // it was rendered, so this cannot be
	}
	out := map[string]int{}
	for _, tree := range trees {
		walk(tree.Root, func(id *parse.IdentifierNode) {
			line := 1 + strings.Count(text[:min(int(id.Position()), len(text))], "\n")
			if known, ok := out[id.Ident]; !ok || line < known {
				out[id.Ident] = line
			}
		})
	}
	return out
}

// walk visits the function names below a node.
func walk(n parse.Node, visit func(*parse.IdentifierNode)) {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		visit(n)
	case *parse.ListNode:
		if n != nil {
			for _, c := range n.Nodes {
				walk(c, visit)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.TemplateNode:
		walk(n.Pipe, visit)
	case *parse.IfNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.RangeNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.WithNode:
		walkBranch(&n.BranchNode, visit)
	case *parse.ChainNode:
		walk(n.Node, visit)
	case *parse.CommandNode:
		for _, c := range n.Args {
			walk(c, visit)
		}
	case *parse.PipeNode:
		if n != nil {
			for _, c := range n.Cmds {
				walk(c, visit)
			}
		}
	}
}

func walkBranch(n *parse.BranchNode, visit func(*parse.IdentifierNode)) {
	walk(n.Pipe, visit)
	walk(n.List, visit)
	walk(n.ElseList, visit)
}
