package fleet

import "slices"

// troubles are types of conditions that are bad news when they are true. Of all others it is bad news when they are
// not.
var troubles = []string{"Stalled", "Failed", "Failure", "Degraded", "Error", "Errored", "Warning", "Invalid", "InvalidSpec", "Denied", "Conflicted", "Progressing", "Reconciling", "Paused", "NotReady", "Issuing", "Fallback", "InvalidRequest"}

// Complaint gives the reason that an object itself has for not being well, in one line: what was found to be its words,
// if that is not empty; or the condition that says so; or what its status holds in other places where controllers put
// it. It is "" if there is none.
func Complaint(obj map[string]any, found string) string {
	if found != "" {
		return oneLine(found)
	}
	o := object(obj)
	if c := o.complaint(); c.message != "" && c.reason != "" {
		return oneLine(c.reason + ": " + c.message)
	} else if c != (condition{}) {
		return oneLine(c.kind + ": " + c.text())
	}
	for _, field := range []string{"message", "error", "failureMessage", "failureReason", "reason"} {
		if text := o.str("status", field); text != "" {
			return oneLine(text)
		}
	}
	for _, field := range []string{"phase", "state", "status"} {
		if text := o.str("status", field); text != "" {
			return oneLine("its " + field + " is " + text)
		}
	}
	return ""
}

// complaint is the condition that says best what is wrong: that of being ready, if it says it in words, or the first
// that does.
func (o object) complaint() (found condition) {
	for _, c := range o.conditions() {
		bad := c.status == "False" || c.status == "Unknown"
		if slices.Contains(troubles, c.kind) {
			bad = c.status == "True"
		}
		if bad && (found == condition{} || found.message == "" && c.message != "" || c.kind == "Ready" && c.message != "") {
			found = c
		}
	}
	return found
}
