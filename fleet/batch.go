package fleet

import "time"

func jobHealth(o object) Verdict {
	if c := o.condition("Complete"); c.status == "True" {
		return current("it completed")
	}
	if c := o.condition("Failed"); c.status == "True" {
		return degraded("it failed%s", why(c))
	}
	if o.get("spec", "suspend") == true {
		return paused("it is suspended (spec.suspend): it waits for a person or a queue to remove that")
	}
	if o.str("status", "startTime") == "" {
		return progressing("it has not started")
	}
	if c := o.condition("FailureTarget"); c.status == "True" { // its pods have yet to end
		return degraded("it failed%s", why(c))
	}
	return progressing("it runs (%d active, %d failed)", o.numOr(0, "status", "active"), o.numOr(0, "status", "failed"))
}

// why is the reason in a word, where the message does not stand in for it.
func why(c condition) string {
	if c.reason == "" || c.message == "" {
		return ": " + c.text()
	}
	return " (" + c.reason + "): " + c.text()
}

// cronJobHealth: the controller writes when a run was begun, and when the last that succeeded ended. With none under way, a
// run that was begun after that did not succeed. (A run that succeeds is taken from the list in the same write.)
func cronJobHealth(o object) Verdict {
	if o.get("spec", "suspend") == true {
		return current("it is suspended (spec.suspend)")
	}
	runs, _ := o.get("status", "active").([]any)
	begun, wasBegun := o.time("status", "lastScheduleTime")
	succeeded, _ := o.time("status", "lastSuccessfulTime")
	switch {
	case !wasBegun:
		return current("it has not run yet")
	case len(runs) > 0:
		return current("%d of its Jobs run, since %s", len(runs), begun.Format(time.RFC3339))
	case succeeded.Before(begun):
		return degraded("its last run, of %s, did not succeed; it counts as healthy when the next one does (try now: kubectl create job -n %s --from=cronjob/%s %[3]s-retry)",
			begun.Format(time.RFC3339), o.str("metadata", "namespace"), o.str("metadata", "name"))
	}
	return current("its last run, of %s, succeeded", begun.Format(time.RFC3339))
}
