package kustomize

import (
	"strings"
	"testing"

	"github.com/drover-dev/drover/hub/model"
)

// TestOrigins: the file that first declared each object, through prefixes, hashes and patches.
func TestOrigins(t *testing.T) {
	files := tree(`
-- base/kustomization.yaml --
resources: [app.yaml, list.yaml, flow.json]
configMapGenerator: [{name: settings, literals: [a=b]}]
-- base/app.yaml --
# first
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    name: misleading
  name: "web" # quoted
spec:
  template: {metadata: {name: other}}
---
kind: Deployment
apiVersion: apps/v1
metadata:
    name: web-canary
-- base/list.yaml --
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Service, metadata: {name: one}}
- {apiVersion: v1, kind: Service, metadata: {name: two}}
-- base/flow.json --
{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}}
-- over/kustomization.yaml --
namePrefix: eu-
nameSuffix: "-1"
resources: [../base, own.yaml]
configMapGenerator: [{name: settings, behavior: merge, literals: [c=d]}]
patches: [{path: web.yaml}]
-- over/own.yaml --
apiVersion: v1
kind: Secret
metadata:
  name: own
-- over/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec: {replicas: 2}
`)
	want := map[string]string{
		`"eu-web-1"`: "base/app.yaml", `"eu-web-canary-1"`: "base/app.yaml", `"eu-one-1"`: "base/list.yaml", `"eu-two-1"`: "base/list.yaml",
		`"eu-sa-1"`: "base/flow.json", `"eu-own-1"`: "over/own.yaml", `"eu-settings-1-`: "base/kustomization.yaml",
	}
	objects := mustBuild(t, files, "over", model.BuildOptions{})
	if len(objects) != len(want) {
		t.Errorf("%d objects", len(objects))
	}
	for _, o := range objects {
		for name, file := range want {
			if strings.Contains(string(o.JSON), `"name":`+name) && o.File != file {
				t.Errorf("%s is said to come from %q, not %s", name, o.File, file)
			}
		}
	}
}
