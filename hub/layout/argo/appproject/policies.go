package appproject

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/fleet/schedule"
	"github.com/drover-dev/drover/hub/glob"
	"github.com/drover-dev/drover/hub/layout/argo/destination"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/protocol"
)

// fieldWindows is the field of an AppProject with its windows.
const fieldWindows = "spec.syncWindows"

// Limits of windows that are read as policies.
const (
	maxWindows    = 50
	maxSelections = 4 // of Applications that differ: there is a policy for each combination of them
)

// rankWindows: steps of an ApplicationSet take precedence over windows.
const rankWindows = 1

// Windows are the sync windows of an AppProject, read as policies. Which Applications a window is for, and when one is
// released under several, follows Argo CD (v3.6, pkg/apis/application/v1alpha1, SyncWindows.Matches and CanSync).
type Windows struct {
	object     string // as "AppProject argocd/shop"
	name       string // of the project
	each       []schedule.Window
	of         []int // the place in selections of each window; -1 where it is for no Application
	selections []selection
}

// selection says which Applications a window is for.
type selection struct {
	Applications, Namespaces, Clusters []string
	All                                bool // each of these that is given has to match, not only one
}

// Unread is why a window is not read as a policy; then none of its project is.
type Unread struct {
	At   string // the field
	Text string
	// Wrong: Argo CD does not take it either, so that what was followed before goes on.
	Wrong bool
}

// ReadWindows reads the windows of an AppProject; nil if it has none, or some that cannot be followed: unread says why.
func ReadWindows(o model.Rendered) (out *Windows, unread []Unread) {
	var h document.Head
	var top, spec map[string]json.RawMessage // a field in another letter case is another field
	var list []syncWindow
	if json.Unmarshal(o.JSON, &h) != nil || json.Unmarshal(o.JSON, &top) != nil ||
		len(top["spec"]) > 0 && json.Unmarshal(top["spec"], &spec) != nil || len(spec["syncWindows"]) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(spec["syncWindows"], &list); err != nil {
		return nil, []Unread{{fieldWindows, "not followed: it is no list of windows", true}}
	}
	if len(list) == 0 {
		return nil, nil
	}
	namespace := string(h.Metadata.Namespace)
	if namespace == "" {
		namespace = fields.Home
	}
	out = &Windows{name: string(h.Metadata.Name),
		object: planning.ObjectKey(fields.AppProject, namespace, string(h.Metadata.Name))}
	for i, w := range list {
		if text, wrong := out.add(w); text != "" {
			unread = append(unread, Unread{planning.FieldAt(fieldWindows, i), "not followed, and neither are the other " +
				"windows of the project: " + text, wrong})
		}
	}
	switch err := protocol.CheckName(out.policy(0)); {
	case len(list) > maxWindows:
		unread = append(unread, Unread{fieldWindows, fmt.Sprintf("not followed: there are more than %d windows", maxWindows),
			false})
	case len(out.selections) > maxSelections:
		unread = append(unread, Unread{fieldWindows, fmt.Sprintf("not followed: the windows are for %d different choices of "+
			"Applications, and %d may be; write a RolloutPolicy, or give windows the same applications, namespaces and clusters",
			len(out.selections), maxSelections), false})
	case err != nil:
		unread = append(unread, Unread{fieldWindows, fmt.Sprintf("not followed: the policy would have a name that is none "+
			"(%v); give the project a shorter one", err), false})
	}
	if len(unread) > 0 {
		return nil, unread
	}
	return out, nil
}

// cronMacros are the names of schedules that Argo CD knows (robfig/cron, ParseStandard).
var cronMacros = map[string]string{"@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *",
	"@weekly": "0 0 * * 0", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *"}

// add takes in a window. It says why it cannot be followed, and whether Argo CD does not take it either.
func (w *Windows) add(in syncWindow) (unread string, wrong bool) {
	out := schedule.Window{Deny: in.Kind == "deny"}
	if !out.Deny && in.Kind != "allow" {
		return fmt.Sprintf("its kind is %.80q: write allow or deny", in.Kind), true
	}
	var err error
	if out.Duration, err = time.ParseDuration(in.Duration); err != nil || out.Duration <= 0 {
		return fmt.Sprintf("its duration is %.80q: write it as 1h30m", in.Duration), true
	}
	cron := in.Schedule
	if plain, is := cronMacros[cron]; is {
		cron = plain
	}
	if out.Cron, err = schedule.ParseCron(cron); err != nil {
		others := strings.HasPrefix(cron, "@every ") || strings.HasPrefix(cron, "TZ=") || strings.HasPrefix(cron, "CRON_TZ=")
		return fmt.Sprintf("a policy does not take its schedule: %v", err), !others
	}
	if out.Location, err = time.LoadLocation(in.TimeZone); err != nil || in.TimeZone == "Local" {
		return fmt.Sprintf("the time zone %.80q is not known: write a name of the IANA time zone database, as Europe/Berlin",
			in.TimeZone), true
	}
	of := selection{in.Applications, in.Namespaces, in.Clusters, in.AndOperator}
	for _, pattern := range slices.Concat(in.Applications, in.Namespaces, in.Clusters) {
		if _, err := glob.Anywhere.Compile(pattern); err != nil {
			return err.Error(), true
		}
	}
	w.each = append(w.each, out)
	if len(of.Applications)+len(of.Namespaces)+len(of.Clusters) == 0 {
		w.of = append(w.of, -1) // it is for no Application, as in Argo CD
		return "", false
	}
	at := slices.IndexFunc(w.selections, of.equal)
	if at < 0 {
		at, w.selections = len(w.selections), append(w.selections, of)
	}
	w.of = append(w.of, at)
	return "", false
}

func (s selection) equal(o selection) bool {
	return s.All == o.All && slices.Equal(s.Applications, o.Applications) && slices.Equal(s.Namespaces, o.Namespaces) &&
		slices.Equal(s.Clusters, o.Clusters)
}

// has says whether an Application of a name and a destination is chosen.
func (s selection) has(name string, to destination.Destination) bool {
	given, matched := 0, 0
	for _, each := range []struct{ patterns, texts []string }{
		{s.Applications, []string{name}}, {s.Namespaces, []string{to.Namespace}}, {s.Clusters, []string{to.Name, to.Server}},
	} {
		if len(each.patterns) == 0 {
			continue
		}
		if given++; matches(each.patterns, each.texts) {
			matched++
		}
	}
	return matched > 0 && (!s.All || matched == given)
}

// matches says whether any of some patterns matches any of some texts that are not empty.
func matches(patterns, texts []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		re, err := glob.Anywhere.Compile(pattern)
		return err == nil && slices.ContainsFunc(texts, func(text string) bool { return text != "" && re.MatchString(text) })
	})
}

// Policy is the name of the policy for an Application of a name and a destination; "" if no window is for it.
func (w *Windows) Policy(name string, to destination.Destination) string {
	mask := 0
	for i, s := range w.selections {
		if s.has(name, to) {
			mask |= 1 << i
		}
	}
	if mask == 0 {
		return ""
	}
	return w.policy(mask)
}

// policy is the name of the policy with the windows of some selections: the project's, with their numbers if they are
// not all. 0 gives the longest of these names.
func (w *Windows) policy(mask int) string {
	name, all := "project--"+w.name, mask != 0
	numbers := ""
	for i, at := range w.of {
		in := at >= 0 && (mask == 0 || mask&(1<<at) != 0)
		if all = all && (in || at < 0); in {
			numbers += "-" + strconv.Itoa(i+1)
		}
	}
	if all || len(w.selections) < 2 {
		return name
	}
	return name + "-" + numbers
}

// Policies are those for all combinations of windows that Applications may be under.
func (w *Windows) Policies() (out []rollout.Policy) {
	for mask := 1; mask < 1<<len(w.selections); mask++ {
		p := rollout.Policy{Name: w.policy(mask), OnFailure: rollout.Halt,
			Origin: &rollout.Origin{Object: w.object, Field: fieldWindows, Rank: rankWindows},
			Waves:  []rollout.Wave{{Name: "all", Unwatched: true, Failures: rollout.All}}}
		for i, at := range w.of {
			if at >= 0 && mask&(1<<at) != 0 {
				p.Windows = append(p.Windows, w.each[i])
			}
		}
		out = append(out, p)
	}
	return out
}
