package soak

// Refs is a set of objects.
type Refs map[Ref]bool

// Ask is what a commit asks of one cluster.
type Ask struct {
	Apps map[string]map[Ref]Object // what each app is to have
	// Kept are apps of which nothing is known, or whose render is an error: they keep what they have.
	Kept map[string]string
	// Doubt says why nothing of the cluster may be deleted; "" if that is not so.
	Doubt string
	// Frozen: nothing of the cluster may change.
	Frozen bool
	// Hold are apps whose deletions wait for a person whatever their number.
	Hold map[string]string
	// Lax are apps whose objects may stay without being shown as held.
	Lax map[string]bool
}

// ask says what the world asks of a cluster.
func (w *World) ask(cluster string) Ask {
	a := Ask{
		Apps: map[string]map[Ref]Object{}, Kept: map[string]string{}, Hold: map[string]string{}, Lax: map[string]bool{},
		Frozen: w.Frozen[cluster],
	}
	for _, app := range w.of(cluster) {
		a.Apps[app.Name] = map[Ref]Object{}
		for r, o := range app.Objects {
			a.Apps[app.Name][r] = o
		}
	}
	return a
}

// remove takes an app out, as Git does when its declaration is gone.
func (a *Ask) remove(app, hold string, lax bool) {
	delete(a.Apps, app)
	if hold != "" {
		a.Hold[app] = hold
	}
	if lax {
		a.Lax[app] = true
	}
}

// keep says that an app keeps what it has, and that nothing of the cluster is pruned meanwhile.
func (a *Ask) keep(app, why string) {
	a.Kept[app], a.Doubt = why, why
}

// wanted are all objects that the cluster is to have.
func (a Ask) wanted() map[Ref]Object {
	out := map[Ref]Object{}
	for app, objects := range a.Apps {
		if a.Kept[app] != "" {
			continue
		}
		for r, o := range objects {
			out[r] = o
		}
	}
	return out
}

// wanting is the app that is to have an object.
func (a Ask) wanting(r Ref) (app string, ok bool) {
	for _, app := range sorted(a.Apps) {
		if _, ok := a.Apps[app][r]; ok {
			return app, true
		}
	}
	return "", false
}

// sets are the objects of each app.
func (a Ask) sets() map[string]Refs {
	out := map[string]Refs{}
	for app, objects := range a.Apps {
		out[app] = Refs{}
		for r := range objects {
			out[app][r] = true
		}
	}
	return out
}
