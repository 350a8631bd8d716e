package native

import "github.com/drover-dev/drover/fleet/access"

// roleShapes are the fields of a Role's spec.
var roleShapes = []shape{
	{name: "rules", must: true, list: true, fields: ruleShapes,
		says:    "What the role allows. What no rule of it allows, it does not.",
		example: []any{map[string]any{"resources": []any{"rollouts"}, "verbs": []any{"get", "list", "halt"}}}},
}

var ruleShapes = []shape{
	{name: "resources", must: true, kind: texts, example: []any{"rollouts"},
		says: "Resources of docs/access.md; \"*\" is all."},
	{name: "verbs", must: true, kind: texts, example: []any{"get", "halt"},
		says: "Verbs that one of the resources has; \"*\" is all."},
}

// bindingShapes are the fields of a RoleBinding's spec.
var bindingShapes = []shape{
	{name: "role", must: true, kind: aText, example: "operator",
		says: "The Role that is given: viewer, operator, admin, or one below fleet/."},
	{name: "subjects", must: true, list: true, fields: subjectShapes, says: "Who it is given to.",
		example: []any{map[string]any{"kind": "Group", "name": "sre"}}},
	{name: "clusterSelector", fields: labelShapes, says: "The clusters that it is given in; all, if it is empty.",
		example: map[string]any{"matchLabels": map[string]any{"env": "staging"}}},
	{name: "projects", kind: texts, example: []any{"payment"},
		says: "The projects whose apps it is given for; if it is not set, all apps, and clusters as such."},
}

var subjectShapes = []shape{
	{name: "kind", must: true, example: "Group",
		kind: map[string]any{"enum": []string{string(access.Group), string(access.User), string(access.Token)}},
		says: "Group is one of the identity provider or of a named token, User a user of the identity provider, Token a " +
			"named token."},
	{name: "name", must: true, kind: aText, example: "sre", says: "Its name, which is compared as it is written."},
}
