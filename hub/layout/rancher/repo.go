package rancher

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/layout/planning"
	"github.com/drover-dev/drover/hub/model"
)

// defaultBranch is the one that Fleet follows where a GitRepo names none.
const defaultBranch = "master"

var commitID = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// expandRepo gives the bundles of a GitRepo that are for the cluster. What is wrong with it as a whole is a problem
// of the plan: nobody can say which bundles it has.
func (r *reader) expandRepo(ctx context.Context, o *planning.Object) ([]*bundle, error) {
	p := r.plan
	g := &repo{o: o}
	err := o.Decode(&g.repoSpec)
	if err != nil {
		err = p.Undecodable(o, err)
	} else {
		err = p.Weigh(judged, o, &g.notes)
	}
	if err == nil && g.Repo == "" {
		err = p.Errorf(o, "spec.repo", "it is empty: write the address of the repository")
	}
	if err == nil {
		g.groups, g.declared, err = r.groupsOf(o.Namespace)
	}
	if err != nil || o.Err != "" {
		p.Problem("%v", errors.Join(errorOf(o.Err), err))
		return nil, nil
	}
	g.noteTargets(p)
	if g.source = g.locate(p); g.source != nil {
		return r.expandForeign(g)
	}
	folders, err := r.folders(g)
	if err != nil {
		p.Problem("%v", err)
	}
	var out []*bundle
	var transient error
	for _, dir := range folders {
		b, err := r.open(ctx, g, dir)
		if _, is := errors.AsType[*model.TransientError](err); is {
			transient = err
		}
		if b != nil && !slices.ContainsFunc(out,
			func(have *bundle) bool { return have.name == b.name && have.dir == b.dir }) {
			out = append(out, b)
		}
	}
	g.conclude(p, len(out))
	return out, transient
}

func errorOf(text string) error {
	if text == "" {
		return nil
	}
	return errors.New(text)
}

// noteTargets names targets that a reader may take for something else.
func (g *repo) noteTargets(p *planning.Plan) {
	if len(g.Targets) == 0 {
		p.NoteOnce(p.Note(g.o, "spec",
			"it names no targets, which is the group default: every cluster, unless a ClusterGroup "+
				"of that name is declared"))
	}
	for i, t := range g.Targets {
		at := planning.FieldAt("spec.targets", i)
		switch {
		case t.ClusterGroup != "" && !g.declared[t.ClusterGroup]:
			p.NoteOnce(p.Note(g.o, at+".clusterGroup",
				fmt.Sprintf("the ClusterGroup %s/%s is not declared, so the target has "+
					"no cluster: declare it beside the GitRepo or below %s/", g.o.Namespace, t.ClusterGroup,
					planning.FleetRoot)))
		case t.ClusterName == "" && t.ClusterGroup == "" && t.ClusterSelector == nil && t.ClusterGroupSelector == nil:
			p.NoteOnce(p.Note(g.o, at,
				"it names no clusters, so it has none, as in Fleet: write clusterSelector: {} for all"))
		}
	}
}

// conclude names what a GitRepo asks for and Drover does not do, if it has bundles for the cluster, and one in a
// cluster's folder that is not for that cluster.
func (g *repo) conclude(p *planning.Plan, bundles int) {
	for _, n := range g.notes {
		if bundles > 0 {
			p.NoteOnce(n)
		}
	}
	if at, err := first(g.Targets, p.Cluster,
		g.groups); bundles > 0 || err != nil || at >= 0 || len(g.Targets) == 0 ||
		g.o.Central() {
		return
	}
	p.NoteOnce(p.Note(g.o, "spec.targets",
		fmt.Sprintf("left out: no target is the cluster %s, in whose folder it stands. "+
			"Move it below %s/, where it counts for every cluster that it targets", p.Cluster.Name, planning.FleetRoot)))
}

// locate says where the files of a GitRepo are; nil for this repository at the revision that is followed.
func (g *repo) locate(p *planning.Plan) *model.Source {
	branch := strings.TrimPrefix(g.Branch, "refs/heads/")
	if g.own(p) && g.Revision == "" && (branch == "" || branch == p.Branch || p.Branch == "") {
		return nil
	}
	out := &model.Source{Kind: model.SourceGit, URL: g.Repo}
	switch {
	case commitID.MatchString(g.Revision):
		out.Revision = g.Revision
	case g.Revision != "":
		out.Ref = g.Revision
	case branch != "":
		out.Branch = branch
	default:
		out.Branch = defaultBranch
	}
	return out
}

// own says whether a GitRepo is of this repository. Where nothing says by which address it is known, one is believed
// if the first path is there.
func (g *repo) own(p *planning.Plan) bool {
	if p.IsRepository(g.Repo) {
		return true
	}
	if slices.ContainsFunc(p.Known, planning.IsRemote) {
		return false
	}
	for _, pattern := range g.paths() {
		if found, err := foldersOf(p.Tree, pattern); err != nil || len(found) == 0 {
			return false
		}
	}
	g.notes = append(g.notes, p.Note(g.o, "spec.repo",
		model.WithoutUser(g.Repo)+" is taken to be this repository, because "+
			"it has what is named there and no address of its own: name it with --alias"))
	return true
}

// folders are those of all bundles of a GitRepo of this repository, in order, each once. A path that is no pattern
// and does not exist is given as well: its bundle says so.
func (r *reader) folders(g *repo) ([]string, error) {
	p := r.plan
	var out []string
	var errs []error
	for i, pattern := range g.paths() {
		roots, err := foldersOf(p.Tree, pattern)
		at := planning.FieldAt("spec.paths", i)
		if err != nil {
			errs = append(errs, p.Errorf(g.o, at, "%v", err))
		}
		if len(roots) == 0 && !isPattern(pattern) {
			out = append(out, planning.Cleaned(pattern))
		}
		found := 0
		for _, root := range roots {
			more, err := bundlesIn(p.Tree, root, r.reserved)
			if err != nil {
				errs = append(errs, p.Errorf(g.o, at, "%v", err))
			}
			found, out = found+len(more), append(out, more...)
		}
		if found == 0 && err == nil && (len(roots) > 0 || isPattern(pattern)) {
			p.NoteOnce(p.Note(g.o, at, fmt.Sprintf("%q has nothing to deliver at this revision", pattern)))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), errors.Join(errs...)
}

// reserved says whether a folder is Drover's own: what stands there is not in a bundle of a folder above it.
func (r *reader) reserved(dir string) bool {
	return dir == path.Dir(r.plan.Folder) || dir == planning.FleetRoot && r.declaresInFleet()
}

// declaresInFleet says whether the folder with what is for many clusters is used.
func (r *reader) declaresInFleet() bool {
	return slices.ContainsFunc(r.plan.Objects(), func(o *planning.Object) bool { return o.Central() })
}

// expandForeign gives the bundles of a GitRepo of another repository. Its files are not known while apps are
// planned, so each path is one bundle, and a fleet.yaml in it is refused when it is rendered.
func (r *reader) expandForeign(g *repo) ([]*bundle, error) {
	p := r.plan
	at, err := first(g.targets(), p.Cluster, g.groups)
	if err != nil {
		p.Problem("%v", p.Errorf(g.o, planning.FieldAt("spec.targets", at), "%v", err))
		return nil, nil
	}
	var out []*bundle
	for i, dir := range g.paths() {
		if at < 0 {
			break
		}
		b := &bundle{repo: g, dir: planning.Cleaned(dir)}
		b.name = bundleName(g.o.Name, b.dir)
		b.Namespace, b.ServiceAccount = g.TargetNamespace, g.ServiceAccount
		if isPattern(dir) {
			b.wrong = p.Errorf(g.o, planning.FieldAt("spec.paths", i),
				"patterns over another repository are not supported: name its folders")
		}
		out = append(out, b)
	}
	g.conclude(p, len(out))
	return out, nil
}
