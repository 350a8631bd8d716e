package app

import "github.com/drover-dev/drover/agent/owned"

// unscaled applies the replicas again of what no autoscaler scales any more.
func (a *App) unscaled() {
	for _, o := range a.Own {
		if o.Item.Scaled && o.Want != nil && !a.env.Scaling.Scales(o.Item.Ref) {
			o.Again()
			a.Kick()
		}
	}
}

// served tries what waits for a kind of a group that came or changed.
func (a *App) served(group string) {
	a.retry(func(o *owned.Object) bool {
		if !o.Kindless() || o.Item.Ref.Group != group {
			return false
		}
		o.Trouble.Pause = owned.ServedSoon() // a definition is served a moment after it says that it is
		return true
	})
	if a.hooks.Retry(group) {
		a.Kick()
	}
}
