package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/drover-dev/drover/agent"
	"github.com/drover-dev/drover/agent/kube"
)

// short are the short names of built-in kinds that people type.
const short = " po=pods svc=services cm=configmaps ns=namespaces no=nodes pv=persistentvolumes " +
	"pvc=persistentvolumeclaims sa=serviceaccounts ev=events deploy=deployments rs=replicasets " +
	"sts=statefulsets ds=daemonsets cj=cronjobs ing=ingresses netpol=networkpolicies " +
	"hpa=horizontalpodautoscalers quota=resourcequotas pdb=poddisruptionbudgets sc=storageclasses " +
	"crd=customresourcedefinitions ep=endpoints"

// Find implements asks.Reader.
func (r *Reader) Find(ctx context.Context, word string) (agent.Resource, error) {
	if err := r.client.Discover(ctx); err != nil {
		return agent.Resource{}, err
	}
	name, group, grouped := strings.Cut(word, ".")
	found := match(kube.Preferred(r.client), strings.ToLower(name), strings.ToLower(group), grouped)
	if len(found) == 0 && grouped { // it may have come after discovery was read
		if res, err := r.client.Served(ctx, group, name); err == nil {
			return res, nil
		}
	}
	return choose(word, found)
}

// match gives the kinds that a word may mean.
func match(kinds []agent.Resource, name, group string, grouped bool) (out []agent.Resource) {
	if _, after, ok := strings.Cut(short, " "+name+"="); ok {
		name, _, _ = strings.Cut(after, " ")
	}
	for _, k := range kinds {
		if (strings.ToLower(k.Kind) == name || k.Plural == name) && (!grouped || k.Group == group) {
			out = append(out, k)
		}
	}
	return out
}

// choose takes the one kind that is meant: one of Kubernetes itself takes precedence.
func choose(word string, found []agent.Resource) (agent.Resource, error) {
	if len(found) == 0 {
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind, Text: fmt.Sprintf(
			"this cluster serves no kind %q: write the kind or its plural; one that was installed lately is found as "+
				"KIND.GROUP, as Certificate.cert-manager.io",
			word)}
	}
	best, names := 0, []string(nil)
	for i, f := range found {
		if r, least := rank(f.Group), rank(found[best].Group); r < least {
			best, names = i, nil
		} else if r > least {
			continue
		}
		names = append(names, f.Kind+"."+f.Group)
	}
	if slices.Sort(names); len(names) > 1 {
		return agent.Resource{}, &agent.Failure{Reason: agent.ReasonKind,
			Text: fmt.Sprintf("%q may be %s: name one with its group", word, strings.Join(names, " or "))}
	}
	return found[best], nil
}

// rank orders API groups: the core, other groups of Kubernetes, those of others.
func rank(group string) int {
	switch {
	case group == "":
		return 0
	case group == "apps", group == "batch", group == "autoscaling", group == "policy":
		return 1
	case strings.HasSuffix(group, ".k8s.io"):
		return 2
	}
	return 3
}
