package main

import (
	"context"
	"errors"
	"time"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
	"github.com/drover-dev/drover/agent/upgrade"
	"github.com/drover-dev/drover/internal/backoff"
)

// admit returns when this process may take part in leading, or with ctx's error. A pod of a new version has to prove itself
// first.
func (w *wiring) admit(ctx context.Context) error {
	if w.flags.podName != "" {
		if err := w.findUpgrade(ctx); err != nil {
			return err
		}
	}
	var err error
	if w.trial, err = w.upgrade.Admit(ctx, w.log); err != nil {
		return err
	}
	if w.trial == nil {
		w.admitted.Store(true)
		return nil
	}
	w.log.Info("this version of the agent is on trial: it takes the lead, and is given up if it does not report", "image", w.upgrade.Image, "limit", w.trial.Limit())
	w.election.TakeOver, w.election.Trial = true, w.trial.Limit()
	return nil
}

func (w *wiring) findUpgrade(ctx context.Context) error {
	pause := backoff.Backoff{Min: time.Second, Max: 15 * time.Second}
	for {
		var err error
		w.upgrade, err = kube.FindUpgrade(ctx, w.client, w.acting, w.flags.namespace, w.flags.podName)
		switch agent.ReasonOf(err) {
		case agent.ReasonForbidden, agent.ReasonMissing:
			w.log.Warn("the agent cannot see its own pod, so it cannot be upgraded from Git", "err", err)
			return nil
		}
		if err == nil {
			return nil
		}
		w.log.Warn("the agent's own pod cannot be read; retrying", "err", err)
		if err := pause.Wait(ctx, nil); err != nil {
			return err
		}
	}
}

// compete leads when it can, until ctx is done. A trial that fails ends that, and the lease is given back; the pod is left to
// those who delete it.
func (w *wiring) compete(ctx context.Context) error {
	if w.trial == nil {
		return w.election.Run(ctx, w.lead)
	}
	competing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- w.election.Run(competing, w.lead) }()
	err := w.trial.Run(ctx)
	switch {
	case err == nil:
		w.admitted.Store(true)
		if err := w.election.Confirm(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("the lease could not be kept beyond the trial; another agent may lead soon", "err", err)
		}
	case errors.Is(err, upgrade.ErrTrial):
		w.log.Error("this agent leads no more; see the message of its cluster in drover status", "err", err)
		stop()
		err := <-ended
		<-ctx.Done()
		return err
	}
	return <-ended
}
