package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Verb is what is done with a resource.
type Verb string

// The verbs.
const (
	Get      Verb = "get"
	List     Verb = "list"
	Watch    Verb = "watch"
	Create   Verb = "create"
	Delete   Verb = "delete"
	Approve  Verb = "approve"
	Skip     Verb = "skip" // waves, or all that a target would wait for
	Halt     Verb = "halt"
	Resume   Verb = "resume"
	Rollback Verb = "rollback" // and push reverts
	Pin      Verb = "pin"      // and unpin
	Sync     Verb = "sync"
	Rotate   Verb = "rotate"
	Accept   Verb = "accept"
)

// Resource is what a verb is about.
type Resource string

// The resources.
const (
	Clusters    Resource = "clusters"
	Apps        Resource = "apps"
	Objects     Resource = "objects" // live ones, and which kinds are delivered where
	Logs        Resource = "logs"
	Rollouts    Resource = "rollouts"
	Decisions   Resource = "decisions"   // what waits for a person's approval
	Credentials Resource = "credentials" // of clusters, with join tokens
	Tokens      Resource = "tokens"      // of people and programs
	Audit       Resource = "audit"
	Store       Resource = "store"
	Source      Resource = "source" // the repository, and how the hub follows it
	Metrics     Resource = "metrics"
)

// Any stands for every verb, or every resource, in a rule.
const Any = "*"

// verbs are those of each resource: there are no others.
var verbs = map[Resource][]Verb{
	Clusters:    {Get, List, Watch, Delete},
	Apps:        {Get, List},
	Objects:     {Get, List},
	Logs:        {Get},
	Rollouts:    {Get, List, Approve, Skip, Halt, Resume, Rollback, Pin},
	Decisions:   {Get, Approve},
	Credentials: {Get, Create, Rotate, Accept, Delete},
	Tokens:      {List, Create, Delete},
	Audit:       {Get},
	Store:       {Get},
	Source:      {Get, Sync},
	Metrics:     {Get},
}

// Resources are all resources, sorted.
func Resources() []Resource { return slices.Sorted(maps.Keys(verbs)) }

// VerbsOf are the verbs of a resource; none if there is no such resource.
func VerbsOf(r Resource) []Verb { return slices.Clone(verbs[r]) }

// Known says whether a resource has a verb.
func Known(v Verb, r Resource) bool { return slices.Contains(verbs[r], v) }

// Rule gives verbs on resources.
type Rule struct {
	Resources []string `json:"resources"`
	Verbs     []string `json:"verbs"`
}

// Gives says whether the rule gives a verb on a resource.
func (r Rule) Gives(v Verb, on Resource) bool {
	return (slices.Contains(r.Resources, Any) || slices.Contains(r.Resources, string(on))) &&
		(slices.Contains(r.Verbs, Any) || slices.Contains(r.Verbs, string(v)))
}

// Check says what is wrong with a rule.
func (r Rule) Check() error {
	if len(r.Resources) == 0 || len(r.Verbs) == 0 {
		return fmt.Errorf("a rule without resources or without verbs gives nothing: write both, or [\"*\"] for all")
	}
	for _, name := range r.Resources {
		if name != Any && verbs[Resource(name)] == nil {
			return fmt.Errorf("there is no resource %.80q: there are %s, and * for all", name, join(Resources()))
		}
	}
	for _, v := range r.Verbs {
		if v == Any || slices.ContainsFunc(Resources(), func(on Resource) bool {
			return Known(Verb(v), on) && r.Gives(Verb(v), on)
		}) {
			continue
		}
		for _, name := range r.Resources {
			if own := verbs[Resource(name)]; own != nil {
				return fmt.Errorf("%s has no verb %.80q: it has %s, and * for all", name, v, join(own))
			}
		}
		return fmt.Errorf("no resource has the verb %.80q: `drover auth can-i --list` shows those there are", v)
	}
	return nil
}

func join[T ~string](words []T) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// Role has rules under a name.
type Role struct {
	Name  string `json:"name"`
	Rules []Rule `json:"rules"`
}

// Gives says whether one of the rules gives a verb on a resource.
func (r Role) Gives(v Verb, on Resource) bool {
	return Known(v, on) && slices.ContainsFunc(r.Rules, func(rule Rule) bool { return rule.Gives(v, on) })
}

// The names of the roles that are always there.
const (
	Viewer   = "viewer"
	Operator = "operator"
	Admin    = "admin"
)

// reading is what viewers may do. Logs are not part of it: programs write secrets into them.
var reading = Rule{[]string{"clusters", "apps", "objects", "rollouts", "decisions", "source", "metrics"},
	[]string{"get", "list", "watch"}}

// builtin are the roles that are always there.
var builtin = map[string]Role{
	Viewer: {Viewer, []Rule{reading}},
	Operator: {Operator, []Rule{reading, {[]string{"logs"}, []string{"get"}}, {[]string{"rollouts"}, []string{Any}},
		{[]string{"decisions"}, []string{"approve"}}, {[]string{"source"}, []string{"sync"}}}},
	Admin: {Admin, []Rule{{[]string{Any}, []string{Any}}}},
}

// Builtin gives a role that is always there.
func Builtin(name string) (Role, bool) {
	r, is := builtin[name]
	return r, is
}

// earlier is what a named token may do where the fleet has no RoleBinding, as in releases that knew none.
var earlier = Role{"", []Rule{{[]string{"clusters", "apps", "objects", "logs", "rollouts", "decisions", "credentials",
	"audit", "source", "metrics"}, []string{Any}}}}
