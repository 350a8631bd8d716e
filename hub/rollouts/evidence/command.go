package evidence

import "strings"

// Command is `drover rollback` for what a person chose: a cluster, or clusters by a selector, of a policy, and some of
// its apps. It can be pasted into a shell.
func Command(cluster, selector, policy string, apps []string) string {
	out := "drover rollback"
	if cluster != "" {
		out += " " + cluster
	}
	if selector != "" {
		out += " -l " + Word(selector)
	}
	out += " --policy " + policy
	for _, app := range apps {
		out += " --app " + Word(app)
	}
	return out
}

// Word is a word of a command line, quoted where a shell would read more into it.
func Word(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=,./_-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(OneLine(word), "'", `'\''`) + "'"
}
