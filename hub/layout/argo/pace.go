package argo

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/layout/argo/appproject"
	"github.com/drover-dev/drover/hub/layout/argo/appset"
	"github.com/drover-dev/drover/hub/layout/argo/fields"
	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

var _ planning.Pacer = Dialect{}

// Policies implements planning.Pacer: the windows of an AppProject, and the steps of an ApplicationSet.
func (Dialect) Policies(o model.Rendered) ([]rollout.Policy, error) {
	var h document.Head
	says := bytes.Contains(o.JSON, []byte("syncWindows")) || bytes.Contains(o.JSON, []byte("rollingSync"))
	if !says || json.Unmarshal(o.JSON, &h) != nil || h.Group() != fields.Group { // most objects say nothing of it
		return nil, nil
	}
	switch h.Kind {
	case fields.AppProject:
		windows, unread := appproject.ReadWindows(o)
		for _, u := range unread {
			if u.Wrong {
				return nil, errors.New(o.File + ": " + u.At + ": " + u.Text)
			}
		}
		if windows != nil {
			return windows.Policies(), nil
		}
	case fields.ApplicationSet:
		steps, unread := appset.ReadSteps(o)
		if unread.Wrong {
			return nil, errors.New(o.File + ": " + unread.Text)
		}
		if steps != nil {
			return steps.Policies(), nil
		}
	}
	return nil, nil
}

// learnPace takes in what an object below FleetRoot says of how changes reach clusters. What cannot be read is nil.
func (r *reader) learnPace(o *planning.Object) {
	switch {
	case !o.Central():
	case o.Kind == fields.AppProject:
		windows, unread := appproject.ReadWindows(o.Rendered)
		wrong := slices.ContainsFunc(unread, func(u appproject.Unread) bool { return u.Wrong })
		if windows != nil || wrong {
			r.windows[o.Name] = windows
		}
	case o.Kind == fields.ApplicationSet:
		if steps, unread := appset.ReadSteps(o.Rendered); steps != nil || unread.Wrong {
			r.steps[o.Key()] = steps
		}
	}
}

// defaultProject is that of an Application that names none.
const defaultProject = "default"

// byNoStep is said of an Application that is given by a set with steps, none of which is for it.
const byNoStep = "no step of its ApplicationSet's strategy selects it by its labels, and Argo CD then never " +
	"synchronizes it by itself: it waits for `drover approve`. Add a last step without matchExpressions, which takes " +
	"the rest"

// pace has an app name the policies that its set and its project are read as. What the steps of its set are for is
// released by them, automated or not, as in Argo CD, and what they are not for by a person.
func (r *reader) pace(o *planning.Object, app *model.App) {
	var a applicationSpec
	if len(r.windows)+len(r.steps) == 0 || o.Decode(&a) != nil {
		return
	}
	windows, has := r.windows[cmp.Or(a.Project, defaultProject)]
	switch {
	case has && windows == nil:
		app.Policies.Windows = model.PolicyUnclear
	case has:
		app.Policies.Windows = windows.Policy(o.Name, a.Destination)
	}
	steps, has := r.steps[o.Set]
	if has && steps == nil {
		app.Policies.Step = model.PolicyUnclear
	}
	if steps == nil {
		return
	}
	var m metadataSpec
	if json.Unmarshal(o.JSON, &m) != nil {
		return
	}
	labels := make(map[string]string, len(m.Metadata.Labels))
	for key, v := range m.Metadata.Labels {
		labels[key] = string(v)
	}
	app.Policies.Step = steps.Policy(labels)
	switch {
	case app.Policies.Step != "":
		app.Manual = ""
		app.Notes = slices.DeleteFunc(app.Notes, func(n fleet.Note) bool { return n.Text == byHand })
	case !r.plan.Unautomated:
		app.Manual, app.Prune = o.Set, false
		app.Notes = append(app.Notes, r.plan.Note(o, "metadata.labels", byNoStep))
	}
}
