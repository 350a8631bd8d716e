package rollouts

import (
	"time"

	"github.com/drover-dev/drover/fleet/rollout"
	"github.com/drover-dev/drover/hub/rollouts/gate"
)

// Question is one measurement that is due.
type Question struct {
	Policy string
	Gate   rollout.Gate // with its query as it is to be asked
	place  gate.Place
}

// Questions gives the measurements that are due, each once: Answer is told the result.
func (d *Driver) Questions(now time.Time) (out []Question) {
	for _, r := range d.sorted() {
		asked := gate.Asked(r.policy, r.memory.Waves)
		r.gates.Follow(now, asked)
		for at, g := range asked {
			if !r.gates[at].Begin(now, g) {
				continue
			}
			out = append(out, Question{Policy: r.policy.Name, Gate: gate.Ask(g, at, r.clusters), place: at})
		}
	}
	return out
}

// Answer takes in what a measurement said. One that nothing waits for any more is forgotten.
func (d *Driver) Answer(now time.Time, q Question, v gate.Verdict, text string) {
	r := d.rollouts[q.Policy]
	if r == nil || r.gates[q.place] == nil {
		return
	}
	r.gates[q.place].Take(now, q.Gate, v, text)
	d.staged = true
}
