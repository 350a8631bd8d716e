package upgrade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/internal/backoff"
)

// Trial is the trial of a new version of the agent: it leads, until it has proven itself or has failed.
type Trial struct {
	up       Upgrade
	log      *slog.Logger
	limit    time.Duration
	once     sync.Once
	reported chan struct{}
}

// role is what a pod may do, by what is noted of upgrades.
type role int

const (
	roleFree  role = iota // it leads when it can
	roleTrial             // it has to prove itself
	roleWait              // another pod of its version is on trial, or this version has failed
	roleLost              // it was on trial when it ended
)

// role says what the pod with this identity and revision may do.
func (st RolloutState) role(identity, revision string) role {
	n := st.Note
	switch {
	case n == nil || n.Done || revision == n.Former:
		return roleFree
	case n.Failed != "" && revision == n.Revision && st.Image != n.To:
		return roleWait // to be deleted
	case !st.under():
		return roleFree
	}
	other := roleTrial
	for _, p := range st.Pods {
		switch {
		case p.Identity == identity && p.Ended != "":
			return roleLost
		case p.Identity == n.Trial: // this pod too, of which it is soon seen that it has ended
			other = roleWait
		}
	}
	return other
}

// Admit returns when this pod may take part in leading: with a trial, if it has to prove itself first. It asks for nothing
// more once it has returned.
func (u Upgrade) Admit(ctx context.Context, log *slog.Logger) (*Trial, error) {
	if u.Rollout == nil {
		return nil, nil
	}
	pause := backoff.Backoff{Min: time.Second, Max: 15 * time.Second}
	for {
		st, err := u.look(ctx, "")
		wait := upgradeLook
		switch {
		case agent.ReasonOf(err) == agent.ReasonForbidden || agent.ReasonOf(err) == agent.ReasonMissing: // nobody could upgrade it
			log.Warn("the DaemonSet of the agent cannot be seen, so it cannot be upgraded from Git", "err", err)
			return nil, nil
		case err != nil:
			log.Warn("the DaemonSet of the agent cannot be read; retrying", "err", err)
			wait = pause.Next()
		default:
			r := st.role(u.Identity, u.Revision)
			if r == roleFree {
				return nil, nil
			}
			if r == roleTrial && u.claim(ctx, st) == nil {
				left := time.Until(st.Note.Since.Add(u.limit()))
				return &Trial{up: u, log: log, limit: max(left, 2*u.margin()), reported: make(chan struct{})}, nil
			}
			if r == roleLost {
				_ = u.giveUp(ctx, st, st.trouble(), log) // it is looked at again
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-timer.C:
		}
	}
}

// claim notes that this pod is on trial.
func (u Upgrade) claim(ctx context.Context, st RolloutState) error {
	n := *st.Note
	n.Trial, n.Revision = u.Identity, u.Revision
	return u.Rollout.Set(ctx, st, st.Image, &n)
}

// giveUp puts the former image back. That it cannot is logged: the former version does it then.
func (u Upgrade) giveUp(ctx context.Context, st RolloutState, reason string, log *slog.Logger) error {
	n := *st.Note
	n.Failed = reason
	if err := u.Rollout.Set(ctx, st, n.From, &n); err != nil {
		log.Warn("the former image cannot be put back yet", "err", err)
		return err
	}
	log.Error("this version of the agent has failed its trial; the former image is put back", "image", n.From, "reason", reason)
	return nil
}

// Limit is how long the trial may take, before others take the lead back.
func (t *Trial) Limit() time.Duration { return t.limit }

// Reported says that a report has reached the hub.
func (t *Trial) Reported() { t.once.Do(func() { close(t.reported) }) }

// ErrTrial says that a version has failed its trial.
var ErrTrial = errors.New("this version of the agent has failed its trial")

// Run returns nil when this version has proven itself, and ErrTrial when it has not.
func (t *Trial) Run(ctx context.Context) error {
	end := time.NewTimer(t.limit - t.up.margin())
	defer end.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-end.C:
		return t.fail(ctx)
	case <-t.reported:
	}
	settled := time.NewTimer(t.up.settle())
	defer settled.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-settled.C:
		return t.prove(ctx)
	}
}

// prove notes that the upgrade is done.
func (t *Trial) prove(ctx context.Context) error {
	pause := backoff.Backoff{Min: time.Second, Max: 5 * time.Second}
	for {
		st, err := t.up.look(ctx, "")
		if err == nil {
			if !st.under() || st.Note.Trial != t.up.Identity {
				return fmt.Errorf("%w: it took too long, and was taken back", ErrTrial)
			}
			n := *st.Note
			n.Done = true
			err = t.up.Rollout.Set(ctx, st, st.Image, &n)
		}
		if err == nil {
			t.log.Info("this version of the agent has proven itself", "image", st.Image, "former", st.Note.From)
			return nil
		}
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}

// fail ends the trial. The former version takes the lead back and the upgrade, too: it can say whether the hub is to blame.
// Where none of it is left there is this one only.
func (t *Trial) fail(ctx context.Context) error {
	pause := backoff.Backoff{Min: time.Second, Max: 5 * time.Second}
	for {
		st, err := t.up.look(ctx, "")
		switch {
		case err != nil:
		case !st.under(), slices.ContainsFunc(st.Pods, func(p RolloutPod) bool { return p.Revision == st.Note.Former }):
			return ErrTrial
		case t.up.giveUp(ctx, st, st.late(t.up.limit()), t.log) == nil:
			return ErrTrial
		}
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}
