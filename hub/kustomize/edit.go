package kustomize

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/drover-dev/drover/hub/model"
	"sigs.k8s.io/kustomize/api/types"
)

// edit changes a kustomization as the commands of `kustomize edit` do (kustomize v5.8, commands/edit).
func edit(k *types.Kustomization, e model.Edit) error {
	k.FixKustomization() // as every one of these commands does first
	if err := setImages(k, e.Images); err != nil {
		return err
	}
	setReplicas(k, e.Replicas)
	if err := addLabels(k, e); err != nil {
		return err
	}
	if len(e.Annotations) > 0 && k.CommonAnnotations == nil {
		k.CommonAnnotations = map[string]string{}
	}
	return addPairs(k.CommonAnnotations, e.Annotations, e.ForceAnnotations, "annotation")
}

// keepPart stands for the part of an image that the kustomization has already.
const keepPart = "*"

// setImages is `kustomize edit set image`: an entry replaces the one of its name as a whole.
func setImages(k *types.Kustomization, args []string) error {
	images := map[string]types.Image{}
	for _, arg := range args {
		i, err := parseImage(arg)
		if err != nil {
			return err
		}
		images[i.Name] = i
	}
	if len(args) == 0 {
		return nil
	}
	have := map[string]types.Image{}
	for _, i := range k.Images {
		have[i.Name] = i
		if _, ok := images[i.Name]; !ok {
			images[i.Name] = i
		}
	}
	k.Images = nil
	for _, name := range slices.Sorted(maps.Keys(images)) {
		i, was := images[name], have[name]
		for part, old := range map[*string]string{&i.NewName: was.NewName, &i.NewTag: was.NewTag, &i.Digest: was.Digest} {
			if *part == keepPart {
				*part = old
			}
		}
		k.Images = append(k.Images, i)
	}
	return nil
}

// parseImage takes name:tag, name@digest and name=newName, with or without a tag and a digest.
func parseImage(arg string) (types.Image, error) {
	name, value, renamed := strings.Cut(arg, "=")
	if !renamed {
		value = arg
	}
	newName, tag, digest := splitImage(value)
	switch {
	case newName == arg:
		return types.Image{}, fmt.Errorf("the image %q says nothing new: write name:tag, name@digest or name=newName", arg)
	case renamed:
		return types.Image{Name: name, NewName: newName, NewTag: tag, Digest: digest}, nil
	}
	return types.Image{Name: newName, NewTag: tag, Digest: digest}, nil
}

// splitImage takes an image apart. A colon before the last slash is of a port.
func splitImage(image string) (name, tag, digest string) {
	name, digest, _ = strings.Cut(image, "@")
	if colon := strings.LastIndex(name, ":"); colon > strings.LastIndex(name, "/") {
		name, tag = name[:colon], name[colon+1:]
	}
	return name, tag, digest
}

// setReplicas is `kustomize edit set replicas`.
func setReplicas(k *types.Kustomization, replicas []model.Replicas) {
	if len(replicas) == 0 {
		return
	}
	counts := map[string]int64{}
	for _, r := range k.Replicas {
		counts[r.Name] = r.Count
	}
	for _, r := range replicas {
		counts[r.Name] = r.Count
	}
	k.Replicas = nil
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		k.Replicas = append(k.Replicas, types.Replica{Name: name, Count: counts[name]})
	}
}

// addLabels is `kustomize edit add label`.
func addLabels(k *types.Kustomization, e model.Edit) error {
	switch {
	case len(e.Labels) == 0:
		return nil
	case e.IncludeTemplates && !e.WithoutSelector:
		return fmt.Errorf("labelIncludeTemplates works with labelWithoutSelector alone")
	case !e.WithoutSelector:
		//lint:ignore SA1019 it is what the command writes
		labels := &k.CommonLabels
		if *labels == nil {
			*labels = map[string]string{}
		}
		return addPairs(*labels, e.Labels, e.ForceLabels, "label")
	}
	at := slices.IndexFunc(k.Labels, func(l types.Label) bool { return !l.IncludeSelectors && l.IncludeTemplates == e.IncludeTemplates })
	if at < 0 {
		at = len(k.Labels)
		k.Labels = append(k.Labels, types.Label{IncludeTemplates: e.IncludeTemplates})
	}
	if k.Labels[at].Pairs == nil {
		k.Labels[at].Pairs = map[string]string{}
	}
	return addPairs(k.Labels[at].Pairs, e.Labels, e.ForceLabels, "label")
}

func addPairs(to, from map[string]string, force bool, what string) error {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		if _, ok := to[key]; ok && !force {
			return fmt.Errorf("the %s %s is in the kustomization already: take one of them out, or force it", what, key)
		}
		to[key] = from[key]
	}
	return nil
}
