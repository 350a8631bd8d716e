package nats

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/drover-dev/drover/hub"
	"github.com/drover-dev/drover/protocol"
)

const (
	// beginTime is how long an agent may take to begin its answer. It may have to renew its credential first.
	beginTime = 15 * time.Second
	// maxPendingParts is how many parts wait to be read; with maxPendingAnswer bytes all of an answer fits in.
	maxPendingParts  = 4096
	maxPendingAnswer = 3 * protocol.MaxAnswer
	// maxStray is how many messages on the subject of an answer may be no part of it before it is given up.
	maxStray = 1000
)

// Question asks cluster's agent a question, and hands on the parts of the answer in their order until the last. It sets
// the question's ID and expiry.
func (b *Bus) Question(ctx context.Context, cluster string, q protocol.Question, each func(
	protocol.Answer) error) error {
	if !b.serving.Load() {
		return hub.ErrStandsBack
	}
	q.ID, q.Expires = rand.Text(), time.Now().UTC().Add(protocol.QuestionLife)
	if err := q.Check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, q.Limit()+beginTime)
	defer cancel()
	sub, err := b.agents.SubscribeSync(protocol.AnswerSubject(cluster, q.ID))
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }() // it fails only where the connection is closed
	if err := sub.SetPendingLimits(maxPendingParts, maxPendingAnswer); err != nil {
		return err
	}
	if err := b.agents.FlushWithContext(ctx); err != nil { // the answer must not come before the server knows who listens
		return err
	}
	if err := b.Ask(ctx, cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster, Kind: protocol.AskQuestion,
		Question: &q}); err != nil {
		return err
	}
	t := protocol.Transcript{Cluster: cluster, ID: q.ID}
	err = b.transcribe(ctx, sub, &t, each)
	if !t.Over() || err != nil {
		_ = b.Ask(context.WithoutCancel(ctx), cluster, protocol.Ask{Version: protocol.Version, Cluster: cluster,
			Kind: protocol.AskStop, Question: &protocol.Question{ID: q.ID}}) // or else it ends by its time
	}
	return err
}

// transcribe hands on the parts of an answer.
func (b *Bus) transcribe(ctx context.Context, sub *natsgo.Subscription, t *protocol.Transcript,
	each func(protocol.Answer) error,
) error {
	for begun, stray := false, 0; !t.Over(); {
		m, err := next(ctx, sub, begun)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", t.Cluster, err)
		}
		a, err := b.part(m, t)
		switch {
		case errors.Is(err, protocol.ErrGap), errors.Is(err, protocol.ErrOversized):
			return fmt.Errorf("the answer of cluster %s is not whole, and what came is not all of it: %w: ask again", t.Cluster,
				err)
		case err != nil:
			if stray++; stray > maxStray {
				return fmt.Errorf("more than %d messages came in place of the answer of cluster %s: see `drover status %s`, "+
					"another client of the bus may send them (%w)", maxStray, t.Cluster, t.Cluster, err)
			}
			continue
		}
		begun = true
		if err := each(a); err != nil {
			return err
		}
	}
	return nil
}

// next waits for a message.
func next(ctx context.Context, sub *natsgo.Subscription, begun bool) (*natsgo.Msg, error) {
	waiting, cancel := ctx, context.CancelFunc(func() {})
	if !begun {
		waiting, cancel = context.WithTimeout(ctx, beginTime)
	}
	defer cancel()
	m, err := sub.NextMsgWithContext(waiting)
	switch {
	case err == nil || ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return m, err
	case !begun:
		return nil, fmt.Errorf("its agent is connected, and does not begin to answer within %s: see its log", beginTime)
	case errors.Is(err, context.DeadlineExceeded):
		return nil, errors.New("its agent does not go on with its answer: see its log")
	}
	return nil, err
}

// errStray is a message that is no word of the cluster's agent.
var errStray = errors.New("not signed by the cluster's agent")

// part is the part of an answer that a message holds.
func (b *Bus) part(m *natsgo.Msg, t *protocol.Transcript) (protocol.Answer, error) {
	payload, heard := b.ears.hear(protocol.SpeechAnswer, t.Cluster, m.Data, time.Now())
	if !heard {
		return protocol.Answer{}, errStray
	}
	return t.Take(payload)
}
