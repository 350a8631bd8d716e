package access

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet/selector"
)

// SubjectKind is what kind of subject a role is given to.
type SubjectKind string

// The kinds of subjects.
const (
	Group SubjectKind = "Group" // of a named token, or of an identity provider
	User  SubjectKind = "User"  // of an identity provider
	Token SubjectKind = "Token" // a named token
)

// Subject is who a role is given to.
type Subject struct {
	Kind SubjectKind `json:"kind"`
	Name string      `json:"name"`
}

// Scope is where rights hold. The zero value is everywhere.
type Scope struct {
	Clusters selector.Selector // by labels
	Projects []string          // of apps; none is all apps, and what belongs to no app
}

// Everywhere says whether the scope bounds nothing.
func (s Scope) Everywhere() bool { return s.Clusters.All() && len(s.Projects) == 0 }

// Binding gives a role to subjects.
type Binding struct {
	Name     string
	Role     string
	Subjects []Subject
	Scope
}

// has says whether the binding is for a caller.
func (b Binding) has(c Caller) bool {
	return slices.ContainsFunc(b.Subjects, func(s Subject) bool {
		switch s.Kind {
		case Group:
			return slices.Contains(c.Groups, s.Name)
		case User, Token:
			return c.Name != "" && c.Kind == s.Kind && c.Name == s.Name
		}
		return false
	})
}

// Caller is who asks.
type Caller struct {
	Shared bool        // has the shared token of the hub, which may do everything
	Kind   SubjectKind // User or Token
	Name   string
	Groups []string
	Role   string // that a token was made with, beside what bindings give it
	Limit  Scope  // beyond which a token has no rights, whatever gives them
}

// String is the caller for people.
func (c Caller) String() string {
	switch {
	case c.Shared:
		return "the shared token"
	case c.Name == "":
		return "a request of nobody"
	}
	text := strings.ToLower(string(c.Kind)) + " " + c.Name
	if len(c.Groups) > 0 {
		text += " (" + strings.Join(c.Groups, ", ") + ")"
	}
	return text
}

// Policy is all roles and bindings of a fleet. The zero value, and nil, give nothing to any but the shared token.
type Policy struct {
	roles    map[string]Role
	bindings []Binding
	read     bool // the fleet's repository was read, now or earlier
	bound    bool // it has, or had, a RoleBinding
}

// New makes a policy of the roles and bindings of a repository that was read. bound says that there is or was a
// RoleBinding, also one that cannot be read: where there never was one, named tokens have the rights of releases that
// knew none.
func New(roles []Role, bindings []Binding, bound bool) *Policy {
	p := &Policy{roles: maps.Clone(builtin), read: true, bound: bound || len(bindings) > 0}
	for _, r := range roles {
		if _, is := builtin[r.Name]; !is {
			p.roles[r.Name] = r
		}
	}
	p.bindings = slices.SortedFunc(slices.Values(bindings), func(a, b Binding) int { return cmp.Compare(a.Name, b.Name) })
	return p
}

// Bound says whether bindings alone decide.
func (p *Policy) Bound() bool { return p != nil && p.bound }

// Read says whether it is known which roles there are.
func (p *Policy) Read() bool { return p != nil && p.read }

// Has says whether there is a role of a name.
func (p *Policy) Has(role string) bool {
	if p == nil {
		return false
	}
	_, has := p.roles[role]
	return has
}

// grant is a role that a caller has somewhere.
type grant struct {
	role  Role
	from  string // what gives it
	scope Scope
}

// grants are all that a caller has.
func (p *Policy) grants(c Caller) (out []grant) {
	switch {
	case c.Shared:
		return []grant{{builtin[Admin], "the shared token", Scope{}}}
	case p == nil || !p.read:
		return nil
	}
	if r, has := p.roles[c.Role]; has && c.Role != "" {
		out = append(out, grant{r, "the token's own role", Scope{}})
	}
	if !p.bound && c.Kind == Token && c.Role == "" {
		out = append(out, grant{earlier, "the fleet has no RoleBinding", Scope{}})
	}
	for _, b := range p.bindings {
		if r, has := p.roles[b.Role]; has && b.has(c) {
			out = append(out, grant{r, "RoleBinding " + b.Name, b.Scope})
		}
	}
	return out
}

// Target is what a right is asked for. The zero value is the whole fleet.
type Target struct {
	anywhere bool // at least one place
	cluster  bool // one cluster
	app      bool // one app in it
	labels   map[string]string
	project  string
}

// Anywhere is at least one place: what is listed there is to be bounded by a View.
func Anywhere() Target { return Target{anywhere: true} }

// In is a cluster, by its labels, with all of its apps.
func In(labels map[string]string) Target { return Target{cluster: true, labels: labels} }

// Of is an app of a cluster, by its project.
func Of(labels map[string]string, project string) Target {
	return Target{cluster: true, app: true, labels: labels, project: project}
}

// covers says whether a target lies within a scope.
func (s Scope) covers(t Target) bool {
	switch {
	case t.anywhere:
		return true
	case !t.cluster:
		return s.Everywhere()
	case !s.Clusters.Matches(t.labels):
		return false
	}
	return len(s.Projects) == 0 || t.app && t.project != "" && slices.Contains(s.Projects, t.project)
}

// Decision says whether something is allowed, and by what.
type Decision struct {
	Allowed bool
	Role    string // that allows it
	Why     string
}

// Decide says whether a caller may do something.
func (p *Policy) Decide(c Caller, v Verb, on Resource, t Target) Decision {
	if !Known(v, on) {
		return Decision{Why: fmt.Sprintf("%.40s has no verb %.40q", on, v)}
	}
	elsewhere := ""
	for _, g := range p.grants(c) {
		switch {
		case !g.role.Gives(v, on):
		case g.scope.covers(t) && (c.Shared || c.Limit.covers(t)):
			return Decision{true, g.role.Name, g.from}
		case elsewhere == "":
			elsewhere = g.from
		}
	}
	return Decision{Why: fmt.Sprintf("%s may not %s %s%s: %s", c, v, on, place(t), p.missing(c, elsewhere))}
}

// Allowed says whether a caller may do something, and why.
func (p *Policy) Allowed(c Caller, v Verb, on Resource, t Target) (bool, string) {
	d := p.Decide(c, v, on, t)
	return d.Allowed, d.Why
}

func place(t Target) string {
	switch {
	case t.anywhere:
		return ""
	case t.app:
		return " in this project of this cluster"
	case t.cluster:
		return " in this cluster, with all of its apps"
	}
	return " of the whole fleet"
}

// missing says what a caller lacks.
func (p *Policy) missing(c Caller, elsewhere string) string {
	switch {
	case p == nil || !p.read:
		return "the hub has not read yet which roles there are: try again in a moment, or use the shared token"
	case elsewhere != "":
		return elsewhere + " gives it elsewhere alone (`drover auth can-i --list`)"
	case c.Role != "" && !p.Has(c.Role):
		return fmt.Sprintf("there is no role %.80q, which the token was made with", c.Role)
	case !p.bound && c.Kind == Token:
		return "use the shared token in the hub's data directory (client.json), or have a RoleBinding give it"
	}
	return "no RoleBinding below fleet/ gives it (`drover auth can-i --list`)"
}

// View is where a caller may do something.
type View struct{ scopes []Scope }

// View says where a caller may do something.
func (p *Policy) View(c Caller, v Verb, on Resource) View {
	var out View
	for _, g := range p.grants(c) {
		if !g.role.Gives(v, on) {
			continue
		}
		out.scopes = append(out.scopes, g.scope)
	}
	if c.Shared || c.Limit.Everywhere() {
		return out
	}
	limited := View{}
	for _, s := range out.scopes {
		projects, some := within(s.Projects, c.Limit.Projects)
		if some {
			limited.scopes = append(limited.scopes, Scope{s.Clusters.And(c.Limit.Clusters), projects})
		}
	}
	return limited
}

// within are the projects that two lists have both, where an empty list has all; some says whether there is one.
func within(a, b []string) (out []string, some bool) {
	switch {
	case len(a) == 0:
		return b, true
	case len(b) == 0:
		return a, true
	}
	for _, name := range a {
		if slices.Contains(b, name) {
			out = append(out, name)
		}
	}
	return out, len(out) > 0
}

// Everywhere says whether the view has everything.
func (v View) Everywhere() bool { return slices.ContainsFunc(v.scopes, Scope.Everywhere) }

// Cluster says what the view has of a cluster: all of it, or the apps of some projects.
func (v View) Cluster(labels map[string]string) (all bool, projects []string) {
	for _, s := range v.scopes {
		if !s.Clusters.Matches(labels) {
			continue
		}
		if len(s.Projects) == 0 {
			return true, nil
		}
		projects = append(projects, s.Projects...)
	}
	slices.Sort(projects)
	return false, slices.Compact(projects)
}

// Scopes are the places of the view, for people: one line each, sorted.
func (v View) Scopes() []string {
	var out []string
	for _, s := range v.scopes {
		out = append(out, s.String())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// String is the scope for people.
func (s Scope) String() string {
	text := "all clusters"
	if !s.Clusters.All() {
		text = "clusters with " + s.Clusters.String()
	}
	if len(s.Projects) > 0 {
		text += ", projects " + strings.Join(s.Projects, ", ")
	}
	return text
}

// Covers says whether a caller has everything, in the whole fleet, that another one would have anywhere, and is in each
// of its groups: then it may make a token for the other one. If not, lacks says what is missing.
func (p *Policy) Covers(c, other Caller) (ok bool, lacks string) {
	all := c.Shared || p.all(c)
	for _, g := range other.Groups {
		if !all && !slices.Contains(c.Groups, g) {
			return false, "the group " + g
		}
	}
	for _, on := range Resources() {
		for _, v := range verbs[on] {
			if p.Decide(other, v, on, Anywhere()).Allowed && !p.Decide(c, v, on, Target{}).Allowed {
				return false, fmt.Sprintf("the right to %s %s", v, on)
			}
		}
	}
	return true, ""
}

// all says whether a caller may do everything.
func (p *Policy) all(c Caller) bool {
	for _, on := range Resources() {
		for _, v := range verbs[on] {
			if !p.Decide(c, v, on, Target{}).Allowed {
				return false
			}
		}
	}
	return true
}
