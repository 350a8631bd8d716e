package planning

import (
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/confined"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/hub/trust"
)

// precedence is with whose rights apps declare what they declare, and what follows from it.
type precedence struct {
	of     map[string]trust.Party // by app
	bounds map[string]*project.Bounds
	held   map[string]string   // the accounts that apps had before, by what declares them
	faults map[string][]string // what is wrong with what apps declare, by app
}

// Party is with whose rights an app declares what it declares; "" is what is declared for many clusters.
func (p *Plan) Party(app string) trust.Party { return p.parties.of[app] }

// Readable is what of the repository that the hub follows may be read for what an object declares, by the project of the
// app that declares it.
func (p *Plan) Readable(o *Object) model.Tree {
	b := p.parties.bounds[o.App]
	if b == nil {
		return p.Tree
	}
	real := func(name string) string { return name }
	if links, ok := p.Tree.(interface{ Real(string) string }); ok {
		real = links.Real
	}
	return confined.New(p.Tree, real, b.Reads)
}

// TreeFor is TreeOf for what an object declares, with what the project of the app that declares it permits.
func (p *Plan) TreeFor(o *Object, s model.Source) (model.Tree, error) {
	b := p.parties.bounds[o.App]
	switch {
	case b == nil:
		return p.TreeOf(s)
	case !b.Project.Source(s.URL):
		return nil, fmt.Errorf("the project %s (%s) does not permit the source %s: name another, or change what the project permits",
			b.Project.Name, b.Project.Where, model.WithoutUser(s.URL))
	case b.Project.Credentials != nil:
		s = s.Within(&model.Logins{Names: b.Project.Credentials})
	}
	return p.TreeOf(s)
}

// Precedes says whether what one app declares takes precedence over what another app declares under the same key, which
// comes before it: it is declared with more rights; or with the rights of another account, by which the app was delivered
// before or, if by neither, which is of the object's namespace. Among apps with the same rights none does.
func (p *Plan) Precedes(app, before, key, namespace string) bool {
	this, other := p.Party(app), p.Party(before)
	if c := trust.Compare(this, other); c != 0 || this == other {
		return c < 0
	}
	if held := p.parties.held[key]; held != "" && this.Account != other.Account && (held == this.Account || held == other.Account) {
		return held == this.Account
	}
	return namespace != "" && ofNamespace(this, namespace) && !ofNamespace(other, namespace)
}

// ofNamespace says whether a party has the rights of an account of a namespace.
func ofNamespace(p trust.Party, namespace string) bool {
	return strings.HasPrefix(p.Account, namespace+"/")
}

// May says whether an object may use another one that it names: one that is declared with the same rights, or with more,
// or with those of the service account that the app which the object declares is to have. Else a tenant that may declare
// anything could change what others become.
func (p *Plan) May(o, named *Object) bool {
	by, of := p.Party(o.App), p.Party(named.App)
	account, _ := o.Spec["serviceAccountName"].(string)
	return by == of || trust.Compare(of, by) < 0 || account != "" && of.Account == o.Namespace+"/"+account
}

// Shows says whether what an object says may be asked for another one, beyond how its app is: it is declared
// with the same
// rights, or for one that has all of them.
func (p *Plan) Shows(o, named *Object) bool {
	by := p.Party(o.App)
	return by.Rank() == 0 || by == p.Party(named.App)
}

// Defaulted says whether the account of the app that an object declares is the default of the lockdown, and not its own.
func (p *Plan) Defaulted(o *Object, account string) bool {
	named, _ := o.Spec["serviceAccountName"].(string)
	return o.IsApp && named == "" && account != "" && account == o.Namespace+"/"+p.Flux.DefaultServiceAccount
}

// Visible is the object of a key, if another one may use it; nil if it may not, or none is declared.
func (p *Plan) Visible(o *Object, key string) *Object {
	if named := p.Object(key); named != nil && p.May(o, named) {
		return named
	}
	return nil
}

// lose takes note of an object that does not count, because of another one.
func (p *Plan) lose(o, winner *Object) {
	p.Fault(o.App, "%v", p.Errorf(o, "", "%s", Outranked(winner.Where(), p.Party(winner.App))))
}

// Outranked says of a declaration that another one takes precedence, and what to do.
func Outranked(where string, by trust.Party) string {
	return fmt.Sprintf("%s declares the same with the rights of %s, which takes precedence: rename this one, or remove it", where, by)
}

// Fault takes note of what is wrong with what an app declares. Where the app has all rights it is a problem of
// the cluster,
// for which nothing is pruned. Otherwise the app alone stops at its last good state, and what it declared is kept.
func (p *Plan) Fault(app, format string, args ...any) {
	if p.Party(app).Rank() == 0 {
		p.Problem(format, args...)
		return
	}
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.parties.faults[app], text) {
		p.parties.faults[app] = append(p.parties.faults[app], text)
	}
}

// Stop has the apps stop that Fault was told of.
func (p *Plan) Stop() {
	for name, texts := range p.parties.faults {
		if app, ok := p.Apps[name]; ok && app.Err == "" {
			app.Err = strings.Join(texts, "; ")
			p.Apps[name] = app
		}
	}
}
