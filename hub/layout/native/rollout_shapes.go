package native

var (
	aShare  = map[string]any{"type": "string", "pattern": `^([1-9][0-9]?|100)%$`}
	aCount  = map[string]any{"type": "integer", "minimum": 1}
	someMay = map[string]any{"anyOf": []any{map[string]any{"type": "integer", "minimum": 0},
		map[string]any{"type": "string", "pattern": `^([0-9]+|[0-9]+(\.[0-9]{1,2})?%)$`}}}
)

// labelShapes are the fields of a selector that knows labels alone.
var labelShapes = selectorShapes[:2]

// rolloutShapes are the fields of a RolloutPolicy's spec.
var rolloutShapes = []shape{
	{name: "clusterSelector", fields: labelShapes,
		says:    "The clusters that the policy holds, all if it is empty. Clusters under no policy get every commit at once.",
		example: map[string]any{"matchLabels": map[string]any{"env": "production"}}},
	{name: "apps", kind: texts, example: []any{"web", "shop-*"},
		says: "Names or patterns of the apps that it holds; all, if it is not set."},
	{name: "waves", list: true, fields: waveShapes,
		says: "Sets of clusters that get a change together, in order. A cluster is in the first that selects it; one " +
			"without " +
			"clusterSelector takes the rest. A policy without waves bounds deletions and nothing else.",
		example: []any{map[string]any{"name": "canary", "clusterSelector": map[string]any{
			"matchLabels": map[string]any{"ring": "0"}}, "soak": "30m"}, map[string]any{"name": "rest"}}},
	{name: "deletions", fields: deletionShapes,
		says:    "How much a change may delete before a person is asked, in the apps and clusters of the policy.",
		example: map[string]any{"app": "30%", "kinds": []any{"PersistentVolumeClaim"}}},
	{name: "settle", kind: aDuration, example: "15m",
		says: "A cluster that is online and not healthy by then has failed; the longest timeout of its apps and 5m, if it " +
			"is " +
			"not set."},
	{name: "offline", fields: offlineShapes, says: "How clusters count that are away.",
		example: map[string]any{"after": "2m", "quorum": "50%"}},
	{name: "onFailure", kind: map[string]any{"enum": []string{"halt", "rollback"}}, example: "rollback", preset: "halt",
		says: "Whether clusters that have what failed keep it, or get what they had before."},
	{name: "revert", kind: map[string]any{"enum": []string{revertNone, revertBranch}}, example: revertBranch,
		preset: revertNone,
		says:   "Whether the hub pushes a branch that reverts what failed."},
	{name: "after", kind: aText, example: "staging",
		says: "The RolloutPolicy whose last wave passes changes on to this one; every commit, if it is empty."},
	{name: "windows", list: true, fields: windowShapes,
		says: "When changes may be released. Without one that allows, always; one that denies wins. What goes back ignores " +
			"them.",
		example: []any{map[string]any{"kind": "allow", "schedule": "0 9 * * 1-4", "duration": "7h",
			"timeZone": "Europe/Berlin"}}},
	{name: "gates", list: true, fields: gateShapes, says: "Questions to metrics, which waves name.",
		example: []any{map[string]any{"name": "errors", "query": "rate(errors[5m])", "successCondition": "result[0] < 0.01",
			"prometheus": map[string]any{"address": "https://prometheus.example.com"}}}},
}

var deletionShapes = []shape{
	{name: "app", kind: aShare, preset: "50%", example: "30%", says: "Of the objects of an app."},
	{name: "cluster", kind: aShare, preset: "20%", example: "10%", says: "Of the objects of a cluster."},
	{name: "fleet", kind: aShare, preset: "10%", example: "5%",
		says: "Of the clusters, three at least, that each lose atLeast objects by the same commit."},
	{name: "atLeast", kind: aCount, preset: 5, example: 1,
		says: "Fewer objects of a cluster are not held for their share."},
	{name: "kinds", kind: texts, example: []any{"PersistentVolumeClaim", "Certificate.cert-manager.io"},
		preset: []any{"StatefulSet", "PersistentVolumeClaim"}, says: "Any deletion of an object of these kinds is held."},
	{name: "approvableInGit", kind: aSwitch, preset: true, example: false,
		says: "Whether `deletions: allowed` of apps and objects and the trailer Drover-Deletions of commits count."},
}

var waveShapes = []shape{
	{name: "name", must: true, kind: aText, says: "A DNS label.", example: "canary"},
	{name: "clusterSelector", fields: labelShapes, says: "Its clusters, among those that no wave before it has.",
		example: map[string]any{"matchLabels": map[string]any{"ring": "0"}}},
	{name: "approval", fields: approvalShapes, says: "Whose word it waits for before it begins with a change.",
		example: map[string]any{"groups": []any{"sre"}}},
	{name: "atOnce", kind: someMay, says: "How many of its clusters may have a change and not be settled yet; all, if " +
		"it is not set.",
		example: "10%"},
	{name: "steps", kind: map[string]any{"type": "array", "items": someMay},
		says:    "Slices of the wave, each with those before it, chosen by a hash of the clusters' names. The last is 100%.",
		example: []any{"1%", "10%", "100%"}},
	{name: "soak", kind: aDuration, says: "How long each slice stays healthy before the next one.", example: "30m"},
	{name: "failures", kind: someMay, says: "How many of its clusters may fail, rounded down.", example: "1%", preset: 0},
	{name: "gates", kind: texts, says: "Names of gates, which have to succeed while a slice soaks.", example: []any{}},
}

var approvalShapes = []shape{
	{name: "groups", kind: texts, says: "Any of them; any person, if it is not set.", example: []any{"sre"}},
	{name: "count", kind: aCount, says: "How many people.", example: 2, preset: 1},
	{name: "notAuthor", kind: aSwitch, says: "The author of the commit does not count.", example: true, preset: false},
}

var offlineShapes = []shape{
	{name: "after", kind: aDuration, says: "Nobody waits for a cluster that is offline for longer.", example: "2m",
		preset: "2m"},
	{name: "quorum", kind: someMay, says: "How many of a wave's clusters have to settle.", example: "50%", preset: "50%"},
}

var windowShapes = []shape{
	{name: "kind", must: true, kind: map[string]any{"enum": []string{windowAllow, windowDeny}}, example: windowAllow},
	{name: "schedule", kind: aText, says: "When it begins, as cron: minute, hour, day, month, day of the week.",
		example: "0 9 * * 1-4"},
	{name: "duration", kind: aDuration, says: "How long it lasts each time.", example: "7h"},
	{name: "timeZone", kind: aText, says: "Of the schedule, as the IANA time zone database names it.",
		example: "Europe/Berlin",
		preset:  "UTC"},
	{name: "from", kind: aText, says: "When it begins, if it is once.", example: "2026-12-18T00:00:00Z"},
	{name: "until", kind: aText, says: "When it ends, if it is once.", example: "2027-01-04T00:00:00Z"},
	{name: "reason", kind: aText, says: "For people.", example: "end of year"},
}

var gateShapes = []shape{
	{name: "name", must: true, kind: aText, example: "errors"},
	{name: "prometheus", fields: prometheusShapes, says: "Where it asks the query.",
		example: map[string]any{"address": "https://prometheus.example.com"}},
	{name: "query", kind: aText, says: "PromQL.", example: "rate(errors[5m])"},
	{name: "web", fields: webShapes, says: "What it asks in place of prometheus: a server that answers with JSON.",
		example: map[string]any{"url": "https://smoke.example.com/status", "jsonPath": "{$.ok}"}},
	{name: "template", fields: templateShapes, says: "What it asks in place of these: what an AnalysisTemplate of Argo " +
		"Rollouts says. Beside it, the fields below take precedence over the template's.",
		example: map[string]any{"name": "success-rate", "cluster": true}},
	{name: "interval", kind: aDuration, says: "How often it asks.", example: "1m", preset: "1m"},
	{name: "count", kind: aCount, says: "How many answers in a row have to succeed.", example: 10, preset: 1},
	{name: "successCondition", kind: aText, says: "CEL over result: the list of values of a query, or the value of the " +
		"web. It may be missing where a template has one.",
		example: "result[0] < 0.01"},
	{name: "failureCondition", kind: aText, says: "CEL over result; what is neither is inconclusive, and holds.",
		example: "result[0] >= 0.05"},
	{name: "failureLimit", kind: map[string]any{"type": "integer", "minimum": 0}, says: "How many answers may fail.",
		example: 1,
		preset:  0},
}

var prometheusShapes = []shape{
	{name: "address", must: true, kind: aText, says: "Of its API.", example: "https://prometheus.example.com"},
	{name: "credential", kind: aText, says: "Of the hub, as sources name them.", example: "prom"},
}

var webShapes = []shape{
	{name: "url", must: true, kind: aText, says: "http or https, without a user.",
		example: "https://smoke.example.com/status"},
	{name: "method", kind: map[string]any{"enum": []string{webGet, webPost}}, example: webPost, preset: webGet},
	{name: "body", kind: aText, says: "JSON that is posted.", example: `{"target": "${target}"}`},
	{name: "jsonPath", kind: aText, says: "Leads to one value in the answer; the whole answer, if it is not set.",
		example: "{$.data[0].ok}"},
	{name: "credential", kind: aText, says: "Of the hub, as sources name them; its headers are sent, too.",
		example: "smoke"},
	{name: "timeoutSeconds", kind: map[string]any{"type": "integer", "minimum": 1, "maximum": maxTimeout}, example: 20,
		preset: webTimeout},
}

var templateShapes = []shape{
	{name: "name", must: true, kind: aText, example: "success-rate"},
	{name: "namespace", kind: aText, says: "Of an AnalysisTemplate; any, if it is not set.", example: "shop"},
	{name: "cluster", kind: aSwitch, says: "It is a ClusterAnalysisTemplate.", example: true, preset: false},
	{name: "path", kind: aText, says: "File of the repository that has it; otherwise it stands below fleet/.",
		example: "apps/shop/analysis.yaml"},
	{name: "credential", kind: aText, says: "Of the hub, for the server that it asks.", example: "prom"},
	{name: "args", list: true, fields: []shape{{name: "name", must: true, kind: aText, example: "service"},
		{name: "value", must: true, kind: aText, example: "web"}}, says: "Values of its arguments.",
		example: []any{map[string]any{"name": "service", "value": "web"}}},
}
