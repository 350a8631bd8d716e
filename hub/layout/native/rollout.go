package native

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a zone means the same on every machine

	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet/deletions"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/rollout/amount"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/fleet/selector"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/protocol"
)

// KindRolloutPolicy is the kind that says how changes reach clusters.
const KindRolloutPolicy = "RolloutPolicy"

// What there may be at most of each in one policy: what reads it does so for every cluster, and at every step.
const (
	maxWaves   = 50
	maxSteps   = 20
	maxWindows = 50
	maxGates   = 50
)

// policyReader reads one RolloutPolicy.
type policyReader struct {
	document.Document
	out rollout.Policy
}

// ReadRolloutPolicy reads a RolloutPolicy. An error says what is wrong with it.
func ReadRolloutPolicy(d document.Document) (rollout.Policy, error) {
	r := policyReader{Document: d, out: rollout.Policy{Name: d.Name(), OnFailure: rollout.Halt}}
	if err := protocol.CheckName(r.out.Name); err != nil {
		return r.out, d.Errorf(d.Node, "the policy's metadata.name: %v", err)
	}
	spec := document.Field(d.Node, "spec")
	if spec == nil {
		return r.out, d.Errorf(d.Node, "the RolloutPolicy %s has no spec: write spec.waves, or spec.deletions", r.out.Name)
	}
	if err := errors.Join(d.CheckKeys(d.Node, "a RolloutPolicy", objectFields...),
		d.CheckKeys(document.Field(d.Node, "metadata"), "metadata", namesOf(metaShapes)...),
		d.CheckKeys(spec, "spec of a RolloutPolicy", namesOf(rolloutShapes)...)); err != nil {
		return r.out, document.OneLine(err)
	}
	err := errors.Join(r.selector(spec, &r.out.Selector), r.apps(spec), d.Duration(spec, "settle", &r.out.Settle),
		r.offline(spec), r.onFailure(spec), d.Text(spec, "after", &r.out.After), r.gates(spec),
		r.deletions(spec), r.waves(spec),
		r.windows(spec))
	return r.out, document.OneLine(err)
}

// selector takes a clusterSelector, as in Kubernetes.
func (r *policyReader) selector(in *yaml.Node, to *selector.Selector) error {
	n := document.Field(in, "clusterSelector")
	var labels map[string]string
	var requirements []selector.Requirement
	err := errors.Join(r.CheckKeys(n, "clusterSelector", namesOf(labelShapes)...), r.Pairs(n, "matchLabels", &labels),
		r.Each(n, "matchExpressions", func(item *yaml.Node) error {
			req, err := readRequirement(r.Document, item)
			requirements = append(requirements, req)
			return err
		}))
	if err != nil {
		return err
	}
	if *to, err = selector.New(labels, requirements); err != nil {
		return r.Errorf(n, "clusterSelector: %v", err)
	}
	return nil
}

func (r *policyReader) apps(spec *yaml.Node) error {
	err := r.Texts(spec, "apps", &r.out.Apps)
	for _, pattern := range r.out.Apps {
		if _, wrong := path.Match(pattern, ""); wrong != nil {
			err = errors.Join(err, r.Errorf(document.Field(spec, "apps"), "apps: the pattern %q is not understood: * and ? "+
				"match "+
				"anything, [ab] is either", pattern))
		}
	}
	return err
}

// amount takes a number of clusters, or a share of them.
func (r *policyReader) amount(in *yaml.Node, key string, to *rollout.Amount) error {
	n := document.Field(in, key)
	if n == nil {
		return nil
	}
	a, err := amount.Parse(document.Scalar(n))
	if err != nil {
		return r.Errorf(n, "%s: %v", key, err)
	}
	*to = a
	return nil
}

// positive is amount, where none of them would mean that nothing ever happens.
func (r *policyReader) positive(in *yaml.Node, key string, to *rollout.Amount) error {
	err := r.amount(in, key, to)
	if n := document.Field(in, key); err == nil && n != nil && to.IsZero() {
		return r.Errorf(n, "%s is %s, so that nothing would ever be released: write a larger number, or remove the field",
			key,
			n.Value)
	}
	return err
}

func (r *policyReader) offline(spec *yaml.Node) error {
	n := document.Field(spec, "offline")
	return errors.Join(r.CheckKeys(n, "offline", namesOf(offlineShapes)...), r.Duration(n, "after", &r.out.Offline.After),
		r.positive(n, "quorum", &r.out.Offline.Quorum))
}

func (r *policyReader) onFailure(spec *yaml.Node) error {
	var onFailure, revert string
	err := errors.Join(r.Text(spec, "onFailure", &onFailure), r.Text(spec, "revert", &revert))
	switch onFailure {
	case "":
	case string(rollout.Halt), string(rollout.Rollback):
		r.out.OnFailure = rollout.OnFailure(onFailure)
	default:
		err = errors.Join(err, r.Errorf(document.Field(spec, "onFailure"), "onFailure is %q: write halt or rollback",
			onFailure))
	}
	switch revert {
	case "", revertNone:
	case revertBranch:
		r.out.Revert = true
	case "pullRequest":
		err = errors.Join(err, r.Errorf(document.Field(spec, "revert"), "revert is pullRequest, which this release of "+
			"Drover cannot "+
			"open: write branch, and open it from there"))
	default:
		err = errors.Join(err, r.Errorf(document.Field(spec, "revert"), "revert is %q: write none or branch", revert))
	}
	return err
}

// What revert may be.
const (
	revertNone   = "none"
	revertBranch = "branch"
)

func (r *policyReader) waves(spec *yaml.Node) error {
	err := r.Each(spec, "waves", func(n *yaml.Node) error {
		w, err := r.wave(n)
		if slices.ContainsFunc(r.out.Waves, func(x rollout.Wave) bool { return x.Name == w.Name }) {
			err = errors.Join(err, r.Errorf(n, "there are two waves of the name %q: rename one, because a wave is known by "+
				"its name",
				w.Name))
		}
		if len(r.out.Waves) >= maxWaves {
			return r.Errorf(n, "there are more than %d waves: make larger ones", maxWaves)
		}
		r.out.Waves = append(r.out.Waves, w)
		return err
	})
	if err == nil && len(r.out.Waves) == 0 && r.out.Deletions == nil {
		return r.Errorf(spec, "a RolloutPolicy without spec.waves and spec.deletions, which does nothing: write one wave at "+
			"least, as [{name: all}]")
	}
	for _, key := range []string{"after", "gates", "windows", "onFailure", "revert", "settle", "offline"} {
		if n := document.Field(spec, key); n != nil && err == nil && len(r.out.Waves) == 0 {
			return r.Errorf(n, "spec.%s of a RolloutPolicy without spec.waves, which holds nothing back: write waves, or "+
				"remove it", key)
		}
	}
	return err
}

// deletions takes the budget of deletions.
func (r *policyReader) deletions(spec *yaml.Node) error {
	n := document.Field(spec, "deletions")
	if n == nil {
		return nil
	}
	var l deletions.Limits
	open := true
	err := errors.Join(r.CheckKeys(n, "deletions", namesOf(deletionShapes)...), r.percent(n, "app", &l.App),
		r.percent(n, "cluster", &l.Cluster), r.percent(n, "fleet", &l.Fleet), r.count(n, "atLeast", 1, &l.AtLeast),
		r.Texts(n, "kinds", &l.Kinds), r.Bool(n, "approvableInGit", &open))
	if document.Field(n, "kinds") != nil && l.Kinds == nil {
		l.Kinds = []string{}
	}
	for _, kind := range l.Kinds {
		if name, _, _ := strings.Cut(kind, "."); name == "" || name[0] < 'A' || name[0] > 'Z' {
			err = errors.Join(err, r.Errorf(document.Field(n, "kinds"), "kinds: %q is no kind: write it as Secret, or with "+
				"its group as Certificate.cert-manager.io", kind))
		}
	}
	l.Closed = !open
	r.out.Deletions = &l
	return err
}

// percent takes a share in whole percent.
func (r *policyReader) percent(in *yaml.Node, key string, to *int) error {
	n := document.Field(in, key)
	if n == nil {
		return nil
	}
	number, share := strings.CutSuffix(document.Scalar(n), "%")
	v, err := strconv.Atoi(number)
	if err != nil || !share || v < 1 || v > 100 {
		return r.Errorf(n, "%s is %q: write a share from 1%% to 100%%, which is no limit", key, n.Value)
	}
	*to = v
	return nil
}

func (r *policyReader) wave(n *yaml.Node) (w rollout.Wave, err error) {
	err = errors.Join(r.CheckKeys(n, "an item of waves", namesOf(waveShapes)...), r.Text(n, "name", &w.Name),
		r.positive(n, "atOnce", &w.AtOnce), r.Duration(n, "soak", &w.Soak), r.amount(n, "failures", &w.Failures),
		r.Texts(n, "gates", &w.Gates), r.approval(n, &w), r.steps(n, &w))
	if document.Field(n, "clusterSelector") != nil {
		w.Selector = &selector.Selector{}
		err = errors.Join(err, r.selector(n, w.Selector))
	}
	if wrong := protocol.CheckName(w.Name); wrong != nil {
		err = errors.Join(err, r.Errorf(n, "the name of a wave: %v", wrong))
	}
	for _, gate := range w.Gates {
		if !slices.ContainsFunc(r.out.Gates, func(g rollout.Gate) bool { return g.Name == gate }) {
			err = errors.Join(err, r.Errorf(document.Field(n, "gates"), "the wave %s waits for the gate %q, which spec.gates "+
				"does not "+
				"have, so that nothing would ever pass it", w.Name, gate))
		}
	}
	return w, err
}

func (r *policyReader) approval(wave *yaml.Node, w *rollout.Wave) error {
	n := document.Field(wave, "approval")
	if n == nil {
		return nil
	}
	w.Approval = &rollout.Approval{Count: 1}
	return errors.Join(r.CheckKeys(n, "approval", namesOf(approvalShapes)...), r.Texts(n, "groups", &w.Approval.Groups),
		r.count(n, "count", 1, &w.Approval.Count), r.Bool(n, "notAuthor", &w.Approval.NotAuthor))
}

// steps takes the slices of a wave: they rise, and the last one is all of it.
func (r *policyReader) steps(wave *yaml.Node, w *rollout.Wave) error {
	list := document.Field(wave, "steps")
	err := r.Each(wave, "steps", func(n *yaml.Node) error {
		a, err := amount.Parse(document.Scalar(n))
		if err == nil && a.IsZero() {
			err = errors.New("a step of no clusters, after which nothing would be known: remove it")
		}
		if last := len(w.Steps) - 1; err == nil && last >= 0 && !rises(w.Steps[last], a) {
			err = fmt.Errorf("the step %s is not larger than the one before it: each step has the clusters of those before "+
				"it, too",
				a)
		}
		if err == nil && len(w.Steps) >= maxSteps {
			err = fmt.Errorf("there are more than %d steps", maxSteps)
		}
		if err != nil {
			return r.Errorf(n, "steps: %v", err)
		}
		w.Steps = append(w.Steps, a)
		return nil
	})
	if err == nil && len(w.Steps) > 0 && w.Steps[len(w.Steps)-1] != rollout.All {
		return r.Errorf(list, "the last of steps is %s, so that the other clusters of the wave %s would never get "+
			"anything: end "+
			"with 100%%", w.Steps[len(w.Steps)-1], w.Name)
	}
	return err
}

// rises says whether a step is larger than the one before it. A share may follow a count.
func rises(before, a rollout.Amount) bool {
	if (before.Share == 0) != (a.Share == 0) {
		return before.Share == 0
	}
	return a.Share > before.Share || a.Count > before.Count
}

// count takes a number from least on.
func (r *policyReader) count(in *yaml.Node, key string, least int, to *int) error {
	n := document.Field(in, key)
	if n == nil {
		return nil
	}
	v, err := strconv.Atoi(document.Scalar(n))
	if err != nil || v < least || v > 1_000_000 {
		return r.Errorf(n, "%s is %q: write a number from %d on", key, n.Value, least)
	}
	*to = v
	return nil
}

func (r *policyReader) windows(spec *yaml.Node) error {
	return r.Each(spec, "windows", func(n *yaml.Node) error {
		if len(r.out.Windows) >= maxWindows {
			return r.Errorf(n, "there are more than %d windows", maxWindows)
		}
		w, err := r.window(n)
		r.out.Windows = append(r.out.Windows, w)
		return err
	})
}

func (r *policyReader) window(n *yaml.Node) (w schedule.Window, err error) {
	var kind, cron, zone, from, until string
	err = errors.Join(r.CheckKeys(n, "an item of windows", namesOf(windowShapes)...), r.Text(n, "kind", &kind),
		r.Text(n, "schedule", &cron), r.Duration(n, "duration", &w.Duration), r.Text(n, "timeZone", &zone),
		r.Text(n, "from", &from), r.Text(n, "until", &until), r.Text(n, "reason", &w.Reason))
	if err != nil {
		return w, err
	}
	if w.Deny = kind == windowDeny; !w.Deny && kind != windowAllow {
		return w, r.Errorf(n, "the kind of a window is %q: write allow or deny", kind)
	}
	switch once := from != "" || until != ""; {
	case once && (cron != "" || w.Duration > 0 || zone != ""):
		return w, r.Errorf(n, "a window is either once, with from and until, or again and again, with schedule, duration "+
			"and "+
			"timeZone: write two windows")
	case once:
		return w, errors.Join(r.moment(n, "from", from, &w.From), r.moment(n, "until", until, &w.Until), r.ends(n, w))
	case cron == "" || w.Duration == 0:
		return w, r.Errorf(n, "a window without a beginning or an end: write schedule and duration, or from and until")
	}
	if w.Cron, err = schedule.ParseCron(cron); err != nil {
		return w, r.Errorf(document.Field(n, "schedule"), "%v", err)
	}
	if w.Location, err = time.LoadLocation(zone); err != nil || zone == "Local" {
		return w, r.Errorf(document.Field(n, "timeZone"), "the time zone %q is not known: write a name of the IANA time "+
			"zone "+
			"database, as Europe/Berlin, or UTC", zone)
	}
	return w, nil
}

// ends says what is wrong with a window that ends before it begins.
func (r *policyReader) ends(n *yaml.Node, w schedule.Window) error {
	if w.From.IsZero() || w.Until.IsZero() || w.Until.After(w.From) {
		return nil
	}
	return r.Errorf(n, "the window ends before it begins: exchange from and until")
}

// What kinds of windows there are.
const (
	windowAllow = "allow"
	windowDeny  = "deny"
)

func (r *policyReader) moment(in *yaml.Node, key, text string, to *time.Time) (err error) {
	if text == "" {
		return nil
	}
	if *to, err = time.Parse(time.RFC3339, text); err != nil {
		return r.Errorf(document.Field(in, key), "%s is %q: write a time with its zone, as 2026-12-18T00:00:00Z", key, text)
	}
	return nil
}
