package upgrade

import "fmt"

// declarations are the apps of a cluster; the chart has text for a value.
func declarations(space, text string) string {
	return fmt.Sprintf(`
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: shop}
spec: {path: ./apps/shop, namespace: %[1]s}
---
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: settings}
spec: {path: ./apps/settings, targetNamespace: %[1]s, substitute: true}
---
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: workloads}
spec: {path: ./apps/workloads, namespace: %[1]s, dependsOn: [settings]}
---
apiVersion: drover.dev/v1alpha1
kind: App
metadata: {name: release}
spec:
  namespace: %[1]s
  helm: {path: ./charts/release, values: {text: %[2]s}}
`, space, text)
}

// apps are what they name: an app with hooks and waves, one that objects are taken from, one with objects that the two
// releases store in different ways, and a chart.
const apps = `
-- apps/shop/migrate.yaml --
apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: PreSync}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: example.com/job:1, command: ["true"]}]}
-- apps/shop/first.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: first}
data: {text: one}
-- apps/shop/second.yaml --
apiVersion: apps/v1
kind: Deployment
metadata:
  name: second
  annotations: {argocd.argoproj.io/sync-wave: "1"}
spec:
  selector: {matchLabels: {app: second}}
  template:
    metadata: {labels: {app: second}}
    spec: {containers: [{name: main, image: example.com/second:1}]}
-- apps/shop/third.yaml --
apiVersion: v1
kind: ConfigMap
metadata:
  name: third
  annotations: {argocd.argoproj.io/sync-wave: "2"}
data: {text: one}
-- apps/shop/warm.yaml --
apiVersion: batch/v1
kind: Job
metadata:
  name: warm
  annotations: {argocd.argoproj.io/hook: PostSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: example.com/job:1, command: ["true"]}]}
-- apps/settings/a.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {text: "in ${space}"}
-- apps/settings/b.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {text: one}
-- apps/settings/c.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: c}
data: {text: one}
-- apps/settings/d.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: d}
data: {text: one}
-- apps/settings/e.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: e}
data: {text: one}
-- apps/workloads/secret.yaml --
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: one}
-- apps/workloads/account.yaml --
apiVersion: v1
kind: ServiceAccount
metadata: {name: worker}
-- apps/workloads/web.yaml --
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      serviceAccount: worker
      containers: [{name: main, image: example.com/web:1, ports: [{containerPort: 8080}]}]
-- apps/workloads/service.yaml --
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
-- apps/workloads/once.yaml --
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: example.com/job:1, command: ["true"]}]}
-- charts/release/Chart.yaml --
apiVersion: v2
name: release
version: 1.0.0
-- charts/release/templates/all.yaml --
apiVersion: v1
kind: ConfigMap
metadata: {name: release}
data: {text: {{ .Values.text }}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: install
  annotations: {helm.sh/hook: post-install}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: example.com/job:1, command: ["true"]}]}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: upgrade
  annotations: {helm.sh/hook: pre-upgrade}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: main, image: example.com/job:1, command: ["true"]}]}
`

// begin is the first commit, which every cluster gets from the last release.
func (s *scene) begin() {
	s.commit("first")
	for _, c := range s.clusters {
		c.want = install()
	}
}

// install is what an agent does when a cluster gets its first commit: Jobs that run once, hooks and an ordinary object,
// of which one has the policy HookSucceeded.
func install() tally {
	out := tally{"delete jobs/warm": 1}
	for _, job := range []string{"migrate", "warm", "install", "once"} {
		out["create jobs/"+job]++
	}
	return out
}

// step commits a change of every app: hooks run, and an object is pruned.
func (s *scene) step(text, pruned string) {
	s.repo.Write("apps/shop/first.yaml", configMap("first", text))
	s.repo.Remove("apps/settings/" + pruned + ".yaml")
	s.repo.Write("apps/workloads/secret.yaml",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: login}\nstringData: {password: "+text+"}\n")
	for name, c := range s.clusters {
		s.repo.Write("clusters/"+name+"/apps.yaml", s.declare(c.space, text))
	}
	s.commit(text)
	for _, c := range s.clusters {
		for _, job := range []string{"migrate", "warm", "upgrade"} {
			c.want["create jobs/"+job]++
		}
		c.want["delete jobs/migrate"]++ // BeforeHookCreation
		c.want["delete jobs/warm"]++
		if c.want["create jobs/upgrade"] > 1 {
			c.want["delete jobs/upgrade"]++
		}
		c.want["delete configmaps/"+pruned]++
	}
}

func configMap(name, text string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\ndata: {text: " + text + "}\n"
}
