package chart

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

var update = flag.Bool("update", false, "write deploy/hub/kustomize/hub.yaml from the chart")

const (
	hubPlain = `{image: "drover-hub:latest", repository: "https://git.example.com/platform/fleet.git",
		advertise: ["tls://hub.example.com:4222"]}`
	hubFull = `{image: "r.example.com/drover-hub:1@sha256:00ff", repository: "git@git.example.com:platform/fleet.git",
		branch: main, advertise: ["wss://hub.example.com", "tls://hub.example.com:4222"], sshSecret: git-ssh,
		passwordSecret: git, credentialsSecret: sources, tlsSecret: hub-tls, websocket: true,
		service: {type: ClusterIP, annotations: {a/b: "c"}}, storage: {size: 1Gi, className: fast},
		ingress: {enabled: true, className: nginx, host: hub.example.com, annotations: {a/b: "true"}},
		backup: {enabled: true, recipients: [age1xyz], className: slow}, maxUnavailable: 0,
		nodeSelector: {zone: "1"}, tolerations: [{operator: Exists}], extraArgs: ["--nats-max-store=128"],
		metrics: {enabled: true, serviceMonitor: true, labels: {release: prometheus},
			from: [{namespaceSelector: {matchLabels: {monitoring: "yes"}}}]},
		paths: ["clusters/*/*", "!repositories"], aliases: ["https://mirror.example.com/fleet.git"]}`
	hubText = "drover-hub/templates/hub.yaml"
)

// hubChart renders the hub's chart and returns its objects and the notes.
func hubChart(t *testing.T, values string) (map[string]string, string) {
	t.Helper()
	files, err := helm(t, "drover-hub", "drover-hub", []byte(values))
	if err != nil {
		t.Fatal(err)
	}
	return objects(t, files[hubText]), files["drover-hub/templates/NOTES.txt"]
}

func TestTheHubsChartHasAllParts(t *testing.T) {
	t.Parallel()
	kinds := func(all map[string]string) string {
		var out []string
		for name := range all {
			out = append(out, strings.Replace(name, " drover-hub/", "/", 1))
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	plain, notes := hubChart(t, hubPlain)
	const want = "NetworkPolicy/drover-hub PodDisruptionBudget/drover-hub Service/drover-hub Service/drover-hub-api " +
		"ServiceAccount/drover-hub StatefulSet/drover-hub"
	if got := kinds(plain); got != want {
		t.Errorf("with default values it gives %s\nwant %s", got, want)
	}
	if !strings.Contains(notes, "There is no backup") || !strings.Contains(notes, "drover status") {
		t.Errorf("the notes say %q", notes)
	}
	full, notes := hubChart(t, hubFull)
	all := strings.NewReplacer(" Pod", " PersistentVolumeClaim/drover-hub-backup Pod", "hub-api ",
		"hub-api Service/drover-hub-metrics ", " StatefulSet", " ServiceMonitor/drover-hub StatefulSet").Replace(want)
	if got := kinds(full); got != "CronJob/drover-hub-backup Ingress/drover-hub "+all {
		t.Errorf("with all values it gives %s", got)
	}
	if strings.Contains(notes, "There is no backup") {
		t.Errorf("the notes say %q", notes)
	}
	for name, parts := range map[string][]string{
		"StatefulSet drover-hub/drover-hub": {
			`"--git-key-file=/etc/drover/ssh/identity"`, `"--nats-websocket=0.0.0.0:8443"`, `"--nats-max-store=128"`,
			`"--metrics-listen=0.0.0.0:7781"`,
			`"--path=clusters/*/*"`, `"--path=!repositories"`, `"--alias=https://mirror.example.com/fleet.git"`,
			`"value":"wss://hub.example.com,tls://hub.example.com:4222"`, `"storageClassName":"fast"`,
		},
		"CronJob drover-hub/drover-hub-backup": {`"--recipient=age1xyz"`, `"claimName":"data-drover-hub-0"`},
		"Ingress drover-hub/drover-hub":        {`"host":"hub.example.com"`, `"name":"websocket"`},
		"NetworkPolicy drover-hub/drover-hub": {`"port":"websocket"`, `"drover.dev/hub-client":"true"`,
			`{"from":[{"namespaceSelector":{"matchLabels":{"monitoring":"yes"}}}],"ports":[{"port":"metrics"`},
		"ServiceMonitor drover-hub/drover-hub": {`"release":"prometheus"`, `"port":"metrics"`, `"drover.dev/metrics":"true"`},
	} {
		for _, part := range parts {
			if !strings.Contains(full[name], part) {
				t.Errorf("%s lacks %s:\n%s", name, part, full[name])
			}
		}
	}
}

func TestTheHubsChartRefusesWrongValues(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		"{}": "repository",
		"{image: a, repository: 'https://g/r', reposit: x}":                                "reposit",
		"{image: a, repository: '/srv/fleet.git'}":                                         "repository",
		"{image: a, repository: 'https://g/r', advertise: ['nats://h']}":                   "advertise",
		"{image: a, repository: 'https://g/r', extraArgs: ['x']}":                          "extraArgs",
		"{image: a, repository: 'https://g/r', paths: ['a b']}":                            "paths",
		"{image: a, repository: 'https://g/r', metrics: {interval: often}}":                "interval",
		"{image: a, repository: 'https://g/r', maxUnavailable: 2}":                         "maxUnavailable",
		"{image: a, repository: 'https://g/r', ingress: {enabled: true, host: h}}":         "websocket",
		"{image: a, repository: 'https://g/r', websocket: true, ingress: {enabled: true}}": "host",
	} {
		if _, err := helm(t, "drover-hub", "drover-hub", []byte(values)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("values %s: %v; want a refusal that names %s", values, err, want)
		}
	}
}

// podSpec is what the restricted level of pod security looks at, as far as the chart uses it.
type podSpec struct {
	AutomountServiceAccountToken *bool
	SecurityContext              struct {
		RunAsNonRoot   bool
		SeccompProfile struct{ Type string }
	}
	HostNetwork, HostPID, HostIPC bool
	Containers                    []struct {
		SecurityContext struct {
			AllowPrivilegeEscalation *bool
			ReadOnlyRootFilesystem   bool
			Capabilities             struct{ Drop, Add []string }
		}
		Resources struct{ Limits map[string]any }
	}
	Volumes []map[string]any
}

func TestTheHubsPodsAreRestricted(t *testing.T) {
	t.Parallel()
	all, _ := hubChart(t, hubFull)
	var set struct {
		Spec struct{ Template struct{ Spec podSpec } }
	}
	var job struct {
		Spec struct {
			JobTemplate struct {
				Spec struct{ Template struct{ Spec podSpec } }
			}
		}
	}
	for name, into := range map[string]any{
		"StatefulSet drover-hub/drover-hub": &set, "CronJob drover-hub/drover-hub-backup": &job,
	} {
		if err := json.Unmarshal([]byte(all[name]), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	pods := map[string]podSpec{"hub": set.Spec.Template.Spec, "backup": job.Spec.JobTemplate.Spec.Template.Spec}
	for name, pod := range pods {
		if !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" ||
			pod.HostNetwork || pod.HostPID || pod.HostIPC ||
			pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
			t.Errorf("the pod of %s is not restricted: %+v", name, pod)
		}
		if len(pod.Containers) != 1 {
			t.Fatalf("%s has %d containers", name, len(pod.Containers))
		}
		c := pod.Containers[0]
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem ||
			!slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || len(s.Capabilities.Add) > 0 ||
			c.Resources.Limits["memory"] == nil {
			t.Errorf("the container of %s is not restricted: %+v", name, c)
		}
		for _, v := range pod.Volumes {
			for kind := range maps.Keys(v) {
				if !slices.Contains([]string{"name", "emptyDir", "secret", "persistentVolumeClaim"}, kind) {
					t.Errorf("%s mounts a volume of kind %s", name, kind)
				}
			}
		}
	}
}

func TestTheHubsKustomizeBaseGivesWhatTheChartGives(t *testing.T) {
	t.Parallel()
	base := filepath.Join(deploy, "hub", "kustomize")
	if *update {
		files, err := helm(t, "drover-hub", "drover-hub", []byte(hubPlain))
		if err == nil {
			text := "# Generated from deploy/charts/drover-hub, with its default values.\n" + files[hubText]
			err = os.WriteFile(filepath.Join(base, "hub.yaml"), []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), base)
	if err != nil {
		t.Fatal(err)
	}
	text, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	got := objects(t, string(text))
	if !strings.Contains(got["Namespace /drover-hub"], `"pod-security.kubernetes.io/enforce":"restricted"`) {
		t.Errorf("the namespace is %s", got["Namespace /drover-hub"])
	}
	delete(got, "Namespace /drover-hub")
	want, _ := hubChart(t, hubPlain)
	same(t, "the kustomize base", "the chart", got, want)
}

var flagForm = regexp.MustCompile(`(?:^|[\s"])--([a-z][a-z-]*)`)

// A flag that `drover hub` does not have would only show when it is started.
func TestHowTheHubIsRunNamesFlagsThatItHas(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("../../hub/cmd/drover/*.go")
	if err != nil || len(sources) < 10 {
		t.Fatalf("%d files, %v", len(sources), err)
	}
	below, err := filepath.Glob("../../hub/cmd/drover/*/*.go") // flags that the hub shares with other commands
	if err != nil || len(below) < 10 {
		t.Fatalf("%d files, %v", len(below), err)
	}
	sources = append(sources, below...)
	sources = append(sources, "../../hub/metrics/listen.go")
	var code strings.Builder
	for _, path := range sources {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		code.Write(data)
	}
	full, _ := hubChart(t, hubFull)
	texts := map[string]string{
		"the chart": full["StatefulSet drover-hub/drover-hub"] + full["CronJob drover-hub/drover-hub-backup"],
	}
	unit, err := os.ReadFile(filepath.Join(deploy, "hub", "systemd", "drover-hub.service"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(unit)) {
		if strings.HasPrefix(line, "ExecStart=") || strings.Contains(line, "DROVER_HUB_ARGS=") {
			texts["the systemd unit"] += line
		}
	}
	compose, err := os.ReadFile(filepath.Join(deploy, "hub", "compose", "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct{ Command []string }
	}
	if err := yaml.Unmarshal(compose, &file); err != nil {
		t.Fatal(err)
	}
	texts["the compose file"] = strings.Join(file.Services["hub"].Command, "\n")
	for where, text := range texts {
		flags := flagForm.FindAllStringSubmatch(text, -1)
		if len(flags) < 2 {
			t.Errorf("%s names %d flags:\n%s", where, len(flags), text)
		}
		for _, m := range flags {
			if !strings.Contains(code.String(), `"`+m[1]+`"`) {
				t.Errorf("%s starts the hub with --%s, which it does not have", where, m[1])
			}
		}
	}
}
