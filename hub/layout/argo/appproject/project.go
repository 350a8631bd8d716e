// Package appproject reads the AppProjects of Argo CD.
//
// It may import destination and fields beside it, and planning.
package appproject

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/project"
	"github.com/drover-dev/drover/protocol"
)

// projectSpec is what Drover takes from the spec of an AppProject (argo-cd, AppProjectSpec).
type projectSpec struct {
	SourceRepos                []string
	Destinations               []destination.Destination
	ClusterResourceWhitelist   []kindSpec
	ClusterResourceBlacklist   []kindSpec
	NamespaceResourceWhitelist []kindSpec
	NamespaceResourceBlacklist []kindSpec
	SourceNamespaces           []string
	DestinationServiceAccounts []struct {
		Server, Namespace, DefaultServiceAccount string
	}
	SignatureKeys                   []any
	PermitOnlyProjectScopedClusters bool
	Roles                           []any
	SyncWindows                     []json.RawMessage
	OrphanedResources               map[string]any
}

type kindSpec struct{ Group, Kind, Name string }

// Read takes an AppProject as a project into the plan. What is wrong with it is said of the project, whose apps keep
// what was applied last.
func Read(p *planning.Plan, o *planning.Object) {
	b := planning.Boundary{
		App:    o.App,
		Object: protocol.ObjectRef{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name},
	}
	b.Name, b.Where = o.Name, o.Where()
	if line := p.Line(o, ""); line > 0 {
		b.Where = fmt.Sprintf("%s:%d", b.Where, line)
	}
	var spec projectSpec
	var notes []fleet.Note
	if err := o.Decode(&spec); err != nil {
		b.Wrong = p.Undecodable(o, err).Error()
	} else if err := p.Weigh(fields.Table, o, &notes); err != nil {
		b.Wrong = err.Error()
	}
	if b.Wrong == "" {
		notes = noteWindows(p, o, spec.SyncWindows, notes)
	}
	for _, n := range notes {
		p.NoteOnce(n)
	}
	if b.Wrong == "" && o.Err != "" {
		b.Wrong = o.Err
	}
	spec.bound(&b.Project, func(at string) string { return p.Note(o, at, "").String() })
	for _, wrong := range b.Check() {
		b.Wrong = p.Errorf(o, "spec", "%s", wrong).Error()
	}
	p.Bound(b)
}

// noteWindows says of windows what is not followed: of a project below FleetRoot what keeps them from being read as
// policies, and elsewhere what they would be in one. notes are those of the table of fields.
func noteWindows(p *planning.Plan, o *planning.Object, list []json.RawMessage, notes []fleet.Note) []fleet.Note {
	if !o.Central() {
		for i, w := range list {
			if text := windowOf(w); text != "" {
				notes = append(notes, p.Note(o, planning.FieldAt(fieldWindows, i), text))
			}
		}
		return notes
	}
	_, unread := ReadWindows(o.Rendered)
	for _, u := range unread {
		notes = append(notes, p.Note(o, u.At, u.Text))
	}
	return slices.DeleteFunc(notes, func(n fleet.Note) bool {
		return n.Field == fieldWindows && strings.HasPrefix(n.Text, "not done") // they are, or it was said why not
	})
}

// bound gives a project what the spec says. at places a field.
func (s projectSpec) bound(to *project.Project, at func(string) string) {
	to.Sources = s.SourceRepos
	for _, repo := range s.SourceRepos {
		if strings.HasPrefix(repo, "!") { // Argo CD takes one that refuses something else for one that fits
			to.Sources = append([]string{"*"}, s.SourceRepos...)
			break
		}
	}
	for _, d := range s.Destinations {
		to.Destinations = append(
			to.Destinations,
			project.Destination{Name: d.Name, Server: destination.Pattern(d.Server), Namespace: d.Namespace},
		)
	}
	to.Namespaced = project.Kinds{
		Allow: kindsOf(s.NamespaceResourceWhitelist),
		Deny:  kindsOf(s.NamespaceResourceBlacklist),
	}
	to.ClusterScoped = project.Kinds{
		Allow: kindsOf(s.ClusterResourceWhitelist),
		Deny:  kindsOf(s.ClusterResourceBlacklist),
	}
	if to.AppNamespaces = s.SourceNamespaces; len(s.SourceNamespaces) == 0 {
		to.AppNamespaces = []string{"!*"} // Argo CD's own namespace alone
	}
	for i, a := range s.DestinationServiceAccounts {
		account, err := accountOf(a.DefaultServiceAccount, a.Namespace)
		if err != nil {
			to.Unkept = append(to.Unkept, at(planning.FieldAt("spec.destinationServiceAccounts", i))+": "+err.Error())
		}
		to.Accounts = append(to.Accounts, project.Account{Name: account,
			Destination: project.Destination{Server: destination.Pattern(a.Server), Namespace: a.Namespace}})
	}
	if len(s.SignatureKeys) > 0 {
		to.Unkept = append(
			to.Unkept,
			at("spec.signatureKeys")+": signatures of commits are not verified: take it out, "+
				"or let the Git server refuse what is not signed",
		)
	}
	if s.PermitOnlyProjectScopedClusters {
		to.Unkept = append(
			to.Unkept,
			at(
				"spec.permitOnlyProjectScopedClusters",
			)+": clusters belong to no project here: take it out, and list the clusters under destinations",
		)
	}
}

// accountOf is a service account as namespace/name. Argo CD takes one without a namespace from the destination's
// (argo-cd, deriveServiceAccountToImpersonate).
func accountOf(name, namespace string) (string, error) {
	if ns, rest, ok := strings.Cut(name, ":"); ok {
		namespace, name = ns, rest
	}
	out := namespace + "/" + name
	if planning.CheckAccount(out) != nil {
		return "", fmt.Errorf("%.80q is no service account: write it as NAMESPACE:NAME", out)
	}
	return out, nil
}

func kindsOf(list []kindSpec) []project.Kind {
	var out []project.Kind
	if list != nil {
		out = []project.Kind{}
	}
	for _, k := range list {
		out = append(out, project.Kind(k))
	}
	return out
}
