//go:build linux

package node

import (
	"github.com/drover-dev/drover/test/testenv"
)

// fleetTree is the repository: one cluster with one app, whose Deployment runs an image that every machine has.
const fleetTree = `
-- clusters/edge/shop.yaml --
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: shop}
spec: {path: apps/shop}
-- apps/shop/objects.yaml --
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {colour: green}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: prices, namespace: shop}
data: {apple: "3"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      tolerations:
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute}
      containers:
      - {name: web, image: "` + testenv.PauseImage + `"}
`

// The objects of the app, and those of the agent that tests look at.
var (
	settings = testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "settings"}
	prices   = testenv.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "shop", Name: "prices"}
	web      = testenv.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	shop     = testenv.Ref{APIVersion: "v1", Kind: "Namespace", Name: "shop"}
	lease    = testenv.Ref{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: namespace, Name: "drover-agent"}
)
