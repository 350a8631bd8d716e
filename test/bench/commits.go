package bench

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/drover-dev/drover/test/testenv"
)

// size is a fleet of which one cluster's overlay is changed by commits.
type size struct {
	name     string
	folders  int // of clusters
	sessions int // of them, those that are connected besides the one that is measured
	aim      float64
}

var (
	alone     = size{"B1", 1, 0, 80}
	hundred   = size{"B2-100", 100, 99, 100}
	thousands = size{"B2-10000", 10_000, 199, 100}
)

// overlays is how many overlays the other clusters share, at most.
const overlays = 100

// measured is the cluster that is real, its overlay what commits change, and its app's namespace.
const (
	measured  = "measured"
	overlay   = "apps/shop/overlays/measured"
	namespace = "shop-measured"
)

// tree is the repository of the fleet.
func (s size) tree() tree {
	t := newTree()
	t.overlay(overlay, namespace, "v0", 2)
	t.cluster(measured, overlay)
	for i := 1; i < s.folders; i++ {
		dir := fmt.Sprintf("apps/shop/overlays/group-%03d", i%overlays)
		t.overlay(dir, fmt.Sprintf("shop-%03d", i%overlays), "v0", 1+i%overlays)
		t.cluster(s.cluster(i), dir)
	}
	return t
}

func (s size) cluster(i int) string { return fmt.Sprintf("other-%05d", i) }

// pursuit is the measuring of commits in one fleet.
type pursuit struct {
	*fleet
	size    size
	cluster *cluster
	others  []*session
	seen    <-chan sighting // Deployments, by a watch
	files   filesys.FileSystem
	bare    testenv.Ref // a Deployment that is none of Drover's

	ours, ref, hub, agent []time.Duration // in all; moving the ref; until the bundle was published; from there on
	limit, build, apply   []time.Duration
	hubTime, agentTime    time.Duration // of the processor, for all commits
	did                   work
	strayed, strayedBytes int // deliveries to other clusters
}

// commits measures the time from moving a ref to a field being changed in the API server.
func (b *bench) commits(ctx context.Context, s size) ([]Line, error) {
	if b.opts.Quick && s.folders > 1 {
		s.folders, s.sessions = 12, 8
	}
	f, err := b.newFleet(ctx, s.name, s.tree(), 15*time.Minute)
	if err != nil {
		return nil, err
	}
	defer f.close()
	p := &pursuit{fleet: f, size: s}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	const warm = 2 // rounds: what is done for the first time only is none of the question
	rounds := b.rounds(30, 3)
	for i := range warm + rounds {
		if i == warm {
			if err := p.begin(); err != nil {
				return nil, err
			}
		}
		if err := p.round(ctx, i+1); err != nil {
			return nil, err
		}
		n := len(p.ours) - 1
		b.said.then(s.name, "round %d of %d: %s, limit %s", i+1, warm+rounds, p.ours[n].Round(time.Millisecond), p.limit[n].Round(time.Millisecond))
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if p.did.commits != rounds { // or what follows would count nothing, and call it zero
		return nil, fmt.Errorf("the hub's log tells of %d commits, not %d: does it still say how many clusters each affected?", p.did.commits, rounds)
	}
	return p.lines(warm), nil
}

// prepare raises the cluster and connects the sessions of the others.
func (p *pursuit) prepare(ctx context.Context) (err error) {
	if p.cluster, err = p.raise(ctx, measured); err != nil {
		return err
	}
	if err := p.settled(ctx, p.cluster, appSize, false); err != nil {
		return err
	}
	if p.seen, err = p.cluster.client.watch(ctx, testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment"}); err != nil {
		return err
	}
	for i := range p.size.sessions {
		name := p.size.cluster(i + 1)
		cred, err := p.fleet.hub.join(ctx, name)
		if err != nil {
			return err
		}
		s, err := listen(cred)
		if err != nil {
			return err
		}
		p.closers = append(p.closers, s.close)
		p.others = append(p.others, s)
		if err := s.report(ctx); err != nil {
			return err
		}
		p.bench.said.then(p.name, "%d of %d sessions connected", i+1, p.size.sessions)
	}
	return p.prepareLimit(ctx)
}

// prepareLimit applies the app once more, bare, so that there is a Deployment to apply to.
func (p *pursuit) prepareLimit(ctx context.Context) error {
	t := newTree()
	t.overlay(overlay, "bare", "v0", 2)
	files, err := t.files()
	if err != nil {
		return err
	}
	objects, err := build(files, overlay)
	if err != nil {
		return err
	}
	for _, o := range objects {
		if err := p.cluster.client.apply(ctx, o); err != nil {
			return err
		}
	}
	p.files, p.bare = files, deployment("bare")
	return nil
}

// begin is where counting begins, and end where it ends.
func (p *pursuit) begin() (err error) {
	for _, s := range p.others {
		s.forget()
	}
	if p.did, err = p.fleet.hub.worked(); err != nil {
		return err
	}
	if p.hubTime, err = p.fleet.hub.cpu(); err != nil {
		return err
	}
	p.agentTime, err = p.cluster.agent.cpu()
	return err
}

func (p *pursuit) end() error {
	did, err := p.fleet.hub.worked()
	if err != nil {
		return err
	}
	hub, err := p.fleet.hub.cpu()
	if err != nil {
		return err
	}
	agent, err := p.cluster.agent.cpu()
	p.did, p.hubTime, p.agentTime = did.since(p.did), hub-p.hubTime, agent-p.agentTime
	for _, s := range p.others {
		n, bytes := s.counted()
		p.strayed, p.strayedBytes = p.strayed+n, p.strayedBytes+bytes
	}
	return err
}

// rest is the pause before each clock is started, so that what the last round set off is over.
const rest = 250 * time.Millisecond

// round measures one commit, and then what it would cost at best.
func (p *pursuit) round(ctx context.Context, i int) error {
	tag := fmt.Sprintf("v%d", i)
	t := tree{}
	t.overlay(overlay, namespace, tag, 2)
	commit, err := p.repo.prepare("shop "+tag, t)
	if err != nil {
		return err
	}
	p.cluster.beside.forget()
	if err := pause(ctx, rest); err != nil {
		return err
	}
	start := time.Now()
	if err := p.repo.move(commit); err != nil {
		return err
	}
	moved := time.Now()
	s, err := p.await(ctx, namespace, tag)
	if err != nil {
		return err
	}
	d, err := p.cluster.beside.next(ctx)
	if err != nil {
		return err
	}
	p.ours, p.ref = append(p.ours, s.at.Sub(start)), append(p.ref, moved.Sub(start))
	p.hub, p.agent = append(p.hub, d.at.Sub(start)), append(p.agent, s.at.Sub(d.at))
	return p.atBest(ctx, tag)
}

// atBest builds the overlay with the library and applies the one object that it changes.
func (p *pursuit) atBest(ctx context.Context, tag string) error {
	t := tree{}
	t.overlay(overlay, "bare", tag, 2)
	for name, text := range t {
		if err := p.files.WriteFile("/"+name, []byte(text)); err != nil {
			return err
		}
	}
	if err := pause(ctx, rest); err != nil {
		return err
	}
	start := time.Now()
	objects, err := build(p.files, overlay)
	if err != nil {
		return err
	}
	built := time.Now()
	for _, o := range objects {
		if o.ref != p.bare {
			continue
		}
		if err := p.cluster.client.apply(ctx, o); err != nil {
			return err
		}
	}
	s, err := p.await(ctx, p.bare.Namespace, tag)
	p.limit = append(p.limit, s.at.Sub(start))
	p.build, p.apply = append(p.build, built.Sub(start)), append(p.apply, s.at.Sub(built))
	return err
}

// await waits until a watch shows the image with a tag.
func (p *pursuit) await(ctx context.Context, namespace, tag string) (sighting, error) {
	return await(ctx, p.seen, "image "+tag+" in "+namespace, func(o testenv.Object) bool {
		return o.Text("metadata", "namespace") == namespace && strings.HasSuffix(image(o), ":"+tag)
	})
}

func (p *pursuit) lines(warm int) []Line {
	part := func(d []time.Duration) string { return figure(millis(d[warm:]).Median, "ms") }
	n := p.did.commits
	per := func(d time.Duration) string { return figure(float64(d.Milliseconds())/float64(n), "ms") }
	what := "ref moved → field changed in the API server, 1 cluster, app of 11 objects by a kustomize overlay; limit: kustomize library + one apply"
	if p.size.folders > 1 {
		what = strings.Replace(what, "1 cluster", fmt.Sprintf("1 cluster of %d (%d others connected)", p.size.folders, p.size.sessions), 1)
	}
	line := Line{Name: p.name, What: what, Unit: "ms", Aim: Aim{Most: p.size.aim}, Ours: millis(p.ours[warm:]), Limit: millis(p.limit[warm:]), Notes: []string{
		fmt.Sprintf("medians of the parts: git update-ref %s of, until the bundle is published %s, from there to the field %s; limit: build %s, apply %s",
			part(p.ref), part(p.hub), part(p.agent), part(p.build), part(p.apply)),
		fmt.Sprintf("processor time a commit: hub %s, agent %s", per(p.hubTime), per(p.agentTime)),
	}}
	lines := []Line{line.judge()}
	if p.size.folders > 1 {
		lines = append(lines, p.untouched())
	}
	return lines
}

// untouched counts what was done for clusters that no commit touched.
func (p *pursuit) untouched() Line {
	resolved, published := p.did.affected-p.did.commits, p.did.published-p.did.commits
	return Line{Name: strings.Replace(p.name, "B2", "B3", 1), What: fmt.Sprintf("work for %d clusters that %d commits did not touch: resolved, published, delivered",
		p.size.folders-1, p.did.commits), Aim: Aim{Most: 0}, Ours: seriesOf(float64(resolved + published + p.strayed)), Notes: []string{
		fmt.Sprintf("counted: %d resolved or rendered, %d bundles published, %d deliveries with %d bytes to %d connected sessions",
			resolved, published, p.strayed, p.strayedBytes, len(p.others)),
	}}.judge()
}
