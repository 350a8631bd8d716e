package agent_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/drover-dev/drover/agent/agenttest"
	"github.com/drover-dev/drover/protocol"
	"github.com/drover-dev/drover/test/testenv"
	"github.com/drover-dev/drover/test/testenv/ports"
)

// webhook is an admission webhook that the API server asks.
type webhook struct {
	address string
	asked   atomic.Int64
	refuses atomic.Bool
	server  *httptest.Server
	tls     *httptest.Server // lends its certificate
}

// newWebhook registers a webhook for the ConfigMaps of a namespace. It does not answer before it is served.
func newWebhook(t *testing.T, cp *testenv.ControlPlane, ns string) *webhook {
	t.Helper()
	w := &webhook{tls: httptest.NewTLSServer(nil)}
	t.Cleanup(w.tls.Close)
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	w.address = fmt.Sprintf("127.0.0.1:%d", port)
	name := ns + ".example.com"
	_, err = cp.Kube().Apply(t.Context(), "test", fmt.Sprintf(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: %[1]s}
webhooks:
- name: policy.%[1]s
  admissionReviewVersions: [v1]
  sideEffects: None
  timeoutSeconds: 5
  clientConfig: {url: "https://%[2]s/", caBundle: %[3]s}
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %[4]s}}
  rules: [{apiGroups: [""], apiVersions: [v1], resources: [configmaps], operations: [CREATE, UPDATE]}]
`, name, w.address, base64.StdEncoding.EncodeToString(w.authority()), ns))
	if err != nil {
		t.Fatal(err)
	}
	deleteAfter(t, cp, testenv.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration", Name: name})
	awaitRefusal(t, cp, configMap(ns, "probe", "1")) // nobody answers yet
	return w
}

func (w *webhook) authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.tls.Certificate().Raw})
}

// serve has the webhook answer.
func (w *webhook) serve(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", w.address)
	if err != nil {
		t.Fatal(err)
	}
	w.server = &httptest.Server{Listener: listener, TLS: w.tls.TLS.Clone(), Config: &http.Server{Handler: http.HandlerFunc(w.answer)}}
	w.server.StartTLS()
	t.Cleanup(w.server.Close)
}

func (w *webhook) answer(out http.ResponseWriter, req *http.Request) {
	var review struct {
		Request struct{ UID, Name string }
	}
	if json.NewDecoder(req.Body).Decode(&review) != nil {
		http.Error(out, "no review", http.StatusBadRequest)
		return
	}
	if review.Request.Name != "kube-root-ca.crt" { // which a controller creates in every namespace
		w.asked.Add(1)
	}
	fmt.Fprintf(out, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%q,"allowed":%t,"status":{"message":"no cats today"}}}`,
		review.Request.UID, !w.refuses.Load())
}

func TestRefusedByAWebhookIsTriedAgainSlowly(t *testing.T) {
	t.Parallel()
	cp, home, hub, _ := scene(t)
	ns := testenv.NamespaceT(t, cp)
	w := newWebhook(t, cp, ns)
	w.refuses.Store(true)
	w.serve(t)
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "cat", "1"), configMap(home, "dog", "1")))
	hub.Publish(t, b)
	start := time.Now()
	hub.Report(t, "the refusal", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Phase == protocol.PhaseFailed && a.Current == 1 && strings.Contains(a.Message, "change the object or the policy") && strings.Contains(a.Message, "no cats today")
	})
	eventually(t, "more than one try", func() bool { return w.asked.Load() > 2 })
	if n, took := w.asked.Load(), time.Since(start); float64(n) > 3+took.Seconds() {
		t.Errorf("the webhook was asked %d times in %s", n, took)
	}
	w.refuses.Store(false)
	hub.Healthy(t, b) // without a new bundle
}

func TestWebhookThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	cp, _, hub, _ := scene(t)
	ns := testenv.NamespaceT(t, cp)
	w := newWebhook(t, cp, ns)
	b := hub.Bundle(hub.App(t, "web", configMap(ns, "cat", "1")))
	hub.Publish(t, b)
	hub.Report(t, "the webhook missed", func(r protocol.Report) bool {
		return strings.Contains(agenttest.AppOf(r, "web").Message, "see that its service runs")
	})
	w.serve(t)
	hub.Healthy(t, b)
}

// A kind that is converted by a webhook that does not run.
func TestConversionThatFailsIsSaid(t *testing.T) {
	t.Parallel()
	_, ns, hub, _ := scene(t)
	schema := `schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`
	definition := fmt.Sprintf(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: tills.%[1]s.example.com}
spec:
  group: %[1]s.example.com
  scope: Namespaced
  names: {plural: tills, singular: till, kind: Till, listKind: TillList}
  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: "https://127.0.0.1:1/"}}}
  versions:
  - {name: v1, served: true, storage: true, %[2]s}
  - {name: v2, served: true, storage: false, %[2]s}
`, ns, schema)
	till := fmt.Sprintf(`{"apiVersion":"%[1]s.example.com/v2","kind":"Till","metadata":{"name":"a","namespace":%[1]q},"spec":{"coins":1}}`, ns)
	hub.Publish(t, hub.Bundle(hub.App(t, "web", definition, till, configMap(ns, "b", "1"))))
	hub.Report(t, "the conversion failed, and the rest applied", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return strings.Contains(a.Message, "converts its kind") && a.Current == 2
	})
}

func TestQuotaThatIsUsedUp(t *testing.T) {
	t.Parallel()
	cp, _, hub, _ := scene(t)
	ns := testenv.NamespaceT(t, cp)
	quota := `{"apiVersion":"v1","kind":"ResourceQuota","metadata":{"name":"small","namespace":%q},"spec":{"hard":{"count/services":"%d"}}}`
	mustCreate(t, cp, "test", fmt.Sprintf(quota, ns, 1))
	ref := testenv.Ref{APIVersion: "v1", Kind: "ResourceQuota", Namespace: ns, Name: "small"}
	if err := cp.Kube().Wait(t.Context(), ref, "counted", func(o testenv.Object) bool { return o != nil && o.Text("status", "used", "count/services") != "" }); err != nil {
		t.Fatal(err)
	}
	service := func(name string) string {
		return fmt.Sprintf(`{"apiVersion":"v1","kind":"Service","metadata":{"name":%q,"namespace":%q},"spec":{"ports":[{"port":80}]}}`, name, ns)
	}
	b := hub.Bundle(hub.App(t, "web", service("a"), service("b")))
	hub.Publish(t, b)
	hub.Report(t, "the quota named", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Current == 1 && strings.Contains(a.Message, "raise the ResourceQuota")
	})
	mustPatch(t, cp, ref, `{"spec":{"hard":{"count/services":"2"}}}`)
	hub.Healthy(t, b)
}

func TestObjectsOfAMegabyteAndMore(t *testing.T) {
	t.Parallel()
	cp, ns, hub, running := scene(t)
	large := noise(t, 1_000_000)
	app := hub.App(t, "web", configMap(ns, "large", large), configMap(ns, "small", "1"))
	hub.Apply(t, app)
	running.Stop(t)
	agenttest.Start(t, cp, ns, hub) // from what is stored
	mustPatch(t, cp, mapRef(ns, "large"), `{"data":{"key":"edited"}}`)
	if err := cp.Kube().Wait(t.Context(), mapRef(ns, "large"), "healed", is(large, "data", "key")); err != nil {
		t.Error(err)
	}
	hub.Publish(t, hub.Bundle(hub.App(t, "web", configMap(ns, "large", noise(t, 1_100_000)), configMap(ns, "small", "2"))))
	hub.Report(t, "the size named, and the rest applied", func(r protocol.Report) bool {
		a := agenttest.AppOf(r, "web")
		return a.Current == 1 && strings.Contains(a.Message, "make it smaller or split it")
	})
}
