package appset

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// ownParameter is a template that is nothing but the name or the server of a cluster, as the cluster generator gives
// them.
var ownParameter = regexp.MustCompile(`^\{\{-?\s*\.?(name|server)\s*-?\}\}$`)

// targetParameter is the parameter of the cluster generator, name or server, that the Applications of a generator have
// as their destination, verbatim; "" if the destination is anything else. Only where it is verbatim is an Application
// known to be for the cluster that its parameters come from: a label, an annotation or a function may yield the name
// of any cluster.
func targetParameter(generator map[string]any, set setSpec) string {
	if mayRedirect(set.TemplatePatch) {
		return ""
	}
	var target string
	for _, kind := range slices.Sorted(maps.Keys(generator)) {
		own, _ := generator[kind].(map[string]any)
		if own == nil || kind == "selector" {
			continue
		}
		template, _ := own["template"].(map[string]any)
		found := templateTarget(filled(template, set.Template))
		if found == "" || target != "" && target != found {
			return ""
		}
		target = found
	}
	return target
}

// templateTarget is targetParameter for one template.
func templateTarget(template map[string]any) string {
	spec, _ := template["spec"].(map[string]any)
	destination, _ := spec["destination"].(map[string]any)
	for _, key := range []string{"name", "server"} {
		text, isText := destination[key].(string)
		if destination[key] == nil || isText && text == "" {
			continue
		}
		if m := ownParameter.FindStringSubmatch(text); m != nil && m[1] == key {
			return key
		}
		return ""
	}
	return ""
}

// control matches the parts of a Go template that print nothing themselves.
var control = regexp.MustCompile(`\{\{-?\s*(if|else|end|range|with)\b[^{}]*-?\}\}`)

// plainValue matches a line of YAML whose templates are the value of a key other than spec, or an item of a list.
var plainValue = regexp.MustCompile(`^\s*(- |(- )?["']?[^{}:\s]+["']?:\s)`)

// mayRedirect says whether a template's patch may change the destination of an Application: it names it, or has a
// template where whole fields may come from.
func mayRedirect(patch string) bool {
	if strings.Contains(patch, "destination") {
		return true
	}
	for line := range strings.Lines(control.ReplaceAllString(patch, "")) {
		key := strings.TrimSpace(line)
		whole := strings.HasPrefix(key, "spec:") || strings.HasPrefix(key, `"spec"`)
		if strings.Contains(line, "{{") && (whole || !plainValue.MatchString(line)) {
			return true
		}
	}
	return false
}

// beside runs the second generator of a matrix. Parameters of the first take precedence: if it gives the destination
// already, the clusters of the second are no destinations.
func (g *generation) beside(first map[string]any, second func() ([]map[string]any, error)) ([]map[string]any, error) {
	defer func(target string) { g.target = target }(g.target)
	if _, given := first[g.target]; given {
		g.target = ""
	}
	return second()
}
