package fleet_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/fleet"
	"github.com/drover-dev/drover/protocol"
)

// TestFollowed: Flagger looks at the workload once in an interval.
func TestFollowed(t *testing.T) {
	canary := protocol.ObjectRef{Group: "flagger.app", Kind: "Canary", Namespace: "shop", Name: "web"}
	const target = `"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w"}`
	for _, c := range []struct {
		ref    protocol.ObjectRef
		spec   string
		target string
		within time.Duration
	}{
		{canary, `{` + target + `,"analysis":{"interval":"30s"}}`, "Deployment/shop/w", time.Minute},
		{canary, `{` + target + `,"analysis":{"interval":"1h"}}`, "Deployment/shop/w", 10 * time.Minute},
		{canary, `{` + target + `,"analysis":{"interval":7}}`, "Deployment/shop/w", 2 * time.Minute},
		{canary, `{` + target + `}`, "Deployment/shop/w", 2 * time.Minute},
		{canary, `{}`, "", 0},
		{protocol.ObjectRef{Group: "argoproj.io", Kind: "Rollout", Name: "web"}, `{` + target + `}`, "", 0},
	} {
		got, within := fleet.Followed(c.ref, []byte(c.spec))
		if within != c.within || within > 0 && got.String() != c.target {
			t.Errorf("%s: %s within %s", c.spec, got, within)
		}
	}
}

// TestSteered: what the controllers of canaries write in objects that stand in Git.
func TestSteered(t *testing.T) {
	rollout := protocol.ObjectRef{Group: "argoproj.io", Kind: "Rollout", Namespace: "shop", Name: "web"}
	canary := protocol.ObjectRef{Group: "flagger.app", Kind: "Canary", Namespace: "shop", Name: "web"}
	route := func(text string) string {
		return `{"strategy":{"canary":{"stableService":"web","trafficRouting":` + text + `}}}`
	}
	for _, c := range []struct {
		name string
		ref  protocol.ObjectRef
		spec string
		want string
	}{
		{"blue and green", rollout, `{"strategy":{"blueGreen":{"activeService":"a","previewService":"p"}}}`, "Service/a=/spec/selector Service/p=/spec/selector"},
		{"a canary", rollout, `{"strategy":{"canary":{"stableService":"s","canaryService":"c","pingPong":{"pingService":"i","pongService":"o"}}}}`,
			"Service/s=/spec/selector Service/c=/spec/selector Service/i=/spec/selector Service/o=/spec/selector"},
		{"istio", rollout, route(`{"istio":{"virtualService":{"name":"v","routes":["primary"]},"destinationRule":{"name":"d"}}}`),
			"Service/web=/spec/selector VirtualService/v=/spec/http DestinationRule/d=/spec/subsets"},
		{"istio, several", rollout, route(`{"istio":{"virtualServices":[{"name":"v.shop","tlsRoutes":[{"port":443}]},{"name":"w.other"},{"name":"x","tcpRoutes":[{"port":1}],"routes":["a"]}]}}`),
			"Service/web=/spec/selector VirtualService/v=/spec/tls VirtualService/x=/spec/tcp,/spec/http"},
		{"istio, without HTTP", rollout, route(`{"istio":{"virtualService":{"name":"v","tlsRoutes":[{"port":443}],` +
			`"tcpRoutes":[{"port":1}]}}}`), "Service/web=/spec/selector VirtualService/v=/spec/tls,/spec/tcp"},
		{"gateway", rollout, route(`{"plugins":{"argoproj-labs/gatewayAPI":{"httpRoute":"h","grpcRoutes":[{"name":"g"}],"namespace":"shop"}}}`),
			"Service/web=/spec/selector HTTPRoute/h=/spec/rules GRPCRoute/g=/spec/rules"},
		{"gateway elsewhere", rollout, route(`{"plugins":{"argoproj-labs/gatewayAPI":{"httpRoute":"h","namespace":"other"}}}`), "Service/web=/spec/selector"},
		{"alb", rollout, route(`{"alb":{"ingress":"i","servicePort":80,"rootService":"root"}}`),
			"Service/web=/spec/selector Ingress/i=/metadata/annotations/alb.ingress.kubernetes.io~1actions.root"},
		{"smi", rollout, route(`{"smi":{}}`), "Service/web=/spec/selector TrafficSplit/web=/spec/backends"},
		{"nginx makes an Ingress of its own", rollout, route(`{"nginx":{"stableIngress":"i"}}`), "Service/web=/spec/selector"},
		{"a Deployment that is scaled down", rollout, `{"workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w","scaleDown":"onsuccess"}}`, "Deployment/w=/spec/replicas"},
		{"a Deployment that is not", rollout, `{"workloadRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w"}}`, ""},
		{"other shapes", rollout, `{"strategy":{"canary":{"stableService":7,"canaryService":"c","trafficRouting":[]}},"workloadRef":"x"}`, "Service/c=/spec/selector"},
		{"nothing", rollout, ``, ""},
		{"Flagger", canary, `{"targetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"w"},"service":{"name":"front"}}`,
			"Deployment/w=/spec/replicas Service/front=/spec/selector,/spec/ports VirtualService/front=/spec HTTPRoute/front=/spec TrafficSplit/front=/spec " +
				"HTTPProxy/front=/spec TraefikService/front=/spec TraefikService/front=/spec"},
		{"another kind", protocol.ObjectRef{Group: "apps", Kind: "Deployment"}, `{"strategy":{"blueGreen":{"activeService":"a"}}}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, s := range fleet.Steered(c.ref, []byte(c.spec)) {
				if s.Object.Namespace != c.ref.Namespace {
					t.Errorf("%s is in another namespace", s.Object)
				}
				got = append(got, fmt.Sprintf("%s/%s=%s", s.Object.Kind, s.Object.Name, strings.Join(s.Paths, ",")))
			}
			if want := strings.Fields(c.want); !slices.Equal(got, want) {
				t.Errorf("%q\nnot %q", got, want)
			}
		})
	}
}
