package nats

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/protocol"
)

var _ agent.Answerer = (*Session)(nil)

// answerPause is how often it is looked whether a renewed credential is there that may answer.
const answerPause = 100 * time.Millisecond

// Answer implements agent.Answerer. A credential of before agents could answer does not allow it: then it is renewed
// first.
func (s *Session) Answer(ctx context.Context, id string, part []byte) error {
	l, err := answering(ctx, s, id)
	if err != nil {
		return err
	}
	sealed, err := protocol.Speak(protocol.SpeechAnswer, l.cred.Cluster, l.key, s.c.Identity.Credential().HubOpen, part)
	if err != nil {
		return err
	}
	if err := l.Publish(protocol.AnswerSubject(l.cred.Cluster, id), sealed); err != nil {
		return fmt.Errorf("answer: %w (%w)", agent.ErrOffline, err)
	}
	ctx, cancel := context.WithTimeout(ctx, getTimeout)
	defer cancel()
	if err := l.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("answer: %w (%w)", agent.ErrOffline, err)
	}
	return nil
}

// answering gives a link whose credential may answer.
func answering(ctx context.Context, s *Session, id string) (*link, error) {
	for renewing := false; ; {
		l := s.link.Load()
		switch {
		case l == nil || !l.IsConnected():
			if !renewing {
				return nil, agent.ErrOffline
			}
		case mayPublish(l.cred.JWT, protocol.AnswerSubject(l.cred.Cluster, id)):
			return l, nil
		case !renewing:
			renewing = true
			s.c.Log.Info("the credential is of before agents could answer questions; it is renewed")
			s.Renew()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the credential does not allow to answer, and could not be renewed in time: %w", ctx.Err())
		case <-time.After(answerPause):
		}
	}
}

// mayPublish says whether a user JWT allows to publish to a subject. It is not verified: the server does that, and this
// side has it from the hub.
func mayPublish(token, subject string) bool {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return false
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		NATS struct {
			Pub struct{ Allow []string }
		} `json:"nats"`
	}
	if err != nil || json.Unmarshal(data, &claims) != nil {
		return false
	}
	return slices.ContainsFunc(claims.NATS.Pub.Allow, func(allowed string) bool {
		prefix, any := strings.CutSuffix(allowed, "*")
		return allowed == subject || any && strings.HasPrefix(subject, prefix) && !strings.Contains(subject[len(prefix):],
			".")
	})
}
