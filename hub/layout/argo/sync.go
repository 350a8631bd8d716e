package argo

import (
	"cmp"
	"errors"
	"regexp"
	"strings"

	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// syncPolicySpec says when and how Argo CD applies.
type syncPolicySpec struct {
	Automated *struct {
		Enabled                     *bool
		Prune, SelfHeal, AllowEmpty bool
	}
	SyncOptions              []string
	ManagedNamespaceMetadata *protocol.NamespaceRequest
}

// ignoredSpec are fields that Argo CD does not compare.
type ignoredSpec struct {
	Group, Kind, Name, Namespace                           string
	JSONPointers, JQPathExpressions, ManagedFieldsManagers []string
}

// byHand and byHandDelivered are said of an Application that Argo CD syncs when a person asks for it.
const (
	byHand = "it is not automated: its first delivery, and whatever changes after that, wait for `drover approve`, as " +
		"they wait for a sync in Argo CD; what was approved is kept as it is, and nothing is pruned. Write automated to " +
		"have commits delivered, or deliver all such Applications with --deliver-unautomated"
	byHandDelivered = "it is synced by hand in Argo CD; with --deliver-unautomated every commit is delivered, but " +
		"nothing is pruned and drift is left"
)

// readSyncPolicy takes how an Application is to be applied. What Argo CD does only when a person asks for it, deletes
// and syncs, is not done by itself here either.
func readSyncPolicy(p *planning.Plan, o *planning.Object, a applicationSpec, app *model.App) error {
	s := a.SyncPolicy
	if s == nil {
		s = &syncPolicySpec{}
	}
	app.AllowEmpty = app.AllowEmpty || s.Automated != nil && s.Automated.AllowEmpty
	if s.Automated != nil && (s.Automated.Enabled == nil || *s.Automated.Enabled) {
		app.Prune, app.Handling.KeepDrift = s.Automated.Prune, !s.Automated.SelfHeal
	} else {
		readUnautomated(p, o, app)
	}
	err := readSyncOptions(p, o, s, app)
	checkNamespace(p, o, s, app)
	return err
}

// readUnautomated has the content of an Application wait for a person. Nothing is pruned, for which a person has to ask
// in Argo CD, too.
func readUnautomated(p *planning.Plan, o *planning.Object, app *model.App) {
	app.Prune = false
	if p.Unautomated {
		app.Handling.KeepDrift = true
		app.Notes = append(app.Notes, p.Note(o, "spec.syncPolicy", byHandDelivered))
		return
	}
	app.Manual = cmp.Or(o.Set, o.Key())
	app.Notes = append(app.Notes, p.Note(o, "spec.syncPolicy", byHand))
}

// readSyncOptions goes through the options by the table of fields.
func readSyncOptions(p *planning.Plan, o *planning.Object, s *syncPolicySpec, app *model.App) error {
	var errs []error
	for i, option := range s.SyncOptions {
		at := planning.FieldAt("spec.syncPolicy.syncOptions", i)
		f, known := fields.SyncOption(option)
		switch {
		case !known:
			app.Notes = append(app.Notes, p.Note(o, at, option+": no option that Drover knows: nothing is done with it"))
		case f.Support == planning.Noted:
			app.Notes = append(app.Notes, p.Note(o, at, option+": "+f.Says))
		case f.Support == planning.Refused:
			errs = append(errs, p.Errorf(o, at, "%s: %s", option, f.Says))
		}
		switch option {
		case "CreateNamespace=true":
			app.Handling.CreateNamespace = s.ManagedNamespaceMetadata
			if app.Handling.CreateNamespace == nil {
				app.Handling.CreateNamespace = &protocol.NamespaceRequest{}
			}
		case "Prune=false":
			app.Prune = false
		case "Delete=false":
			app.Handling.Orphan = true
		}
	}
	return errors.Join(errs...)
}

// checkNamespace drops a request for a namespace without a name, for which Argo CD creates nothing either, and names
// metadata that no namespace is created with.
func checkNamespace(p *planning.Plan, o *planning.Object, s *syncPolicySpec, app *model.App) {
	without := "CreateNamespace=true"
	if app.Handling.CreateNamespace != nil && app.Namespace == "" {
		app.Handling.CreateNamespace, without = nil, "a namespace in spec.destination"
	}
	if s.ManagedNamespaceMetadata != nil && app.Handling.CreateNamespace == nil {
		app.Notes = append(app.Notes, p.Note(o, "spec.syncPolicy.managedNamespaceMetadata",
			"not done without "+without+", as in Argo CD"))
	}
}

// readIgnored takes the fields that are left to others.
func readIgnored(p *planning.Plan, o *planning.Object, a applicationSpec, app *model.App) error {
	for i, d := range a.IgnoreDifferences {
		if d.Kind == "" {
			return p.Errorf(o, planning.FieldAt("spec.ignoreDifferences", i), "it names no kind: write one, or \"*\" for all")
		}
		group, err := matching(d.Group)
		if err != nil {
			return p.Errorf(o, planning.FieldAt("spec.ignoreDifferences", i)+".group", "%v", err)
		}
		kind, err := matching(d.Kind)
		if err != nil {
			return p.Errorf(o, planning.FieldAt("spec.ignoreDifferences", i)+".kind", "%v", err)
		}
		app.Ignore = append(app.Ignore, model.IgnoreRule{
			Target: model.Target{Group: cmp.Or(group, noGroup), Kind: kind, Name: regexp.QuoteMeta(d.Name),
				Namespace: regexp.QuoteMeta(d.Namespace)},
			Paths: d.JSONPointers, JQ: d.JQPathExpressions, Managers: d.ManagedFieldsManagers})
	}
	return nil
}

// noGroup is the regular expression of the core group, which is meant where no group is named (argo-cd,
// ignoreNormalizer).
const noGroup = "^$"

// matching is the regular expression of a pattern, in which * stands for anything.
func matching(pattern string) (string, error) {
	switch {
	case pattern == "*":
		return ".*", nil
	case glob.IsPattern(pattern), strings.Contains(pattern, "{"):
		return glob.Anywhere.Regexp(pattern)
	}
	return regexp.QuoteMeta(pattern), nil
}
