package fleet

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/drover-dev/drover/protocol"
)

// Steers says whether objects of a kind steer fields of other objects: a Rollout of Argo Rollouts, or a Canary of
// Flagger.
func Steers(ref protocol.ObjectRef) bool {
	return ref.Group == "argoproj.io" && ref.Kind == "Rollout" || ref.Group == "flagger.app" && ref.Kind == "Canary"
}

// Steered are the fields of other objects that the controller of an object writes while it shifts traffic: selectors
// of Services, routes with their weights, and the replicas of the workload that it takes the place of. spec is that
// of the object. Only objects in its own namespace are steered: nobody takes fields from others by naming them.
func Steered(ref protocol.ObjectRef, spec []byte) []protocol.Ignored {
	s := steered{namespace: ref.Namespace}
	switch {
	case !Steers(ref):
	case ref.Kind == "Rollout":
		var r rolloutSpec
		_ = json.Unmarshal(spec, &r) // what has another type than it should have is left out
		s.rollout(ref, r)
	default:
		var c canarySpec
		_ = json.Unmarshal(spec, &c)
		s.canary(c)
	}
	return s.out
}

// Followed is the workload that the controller of an object follows by looking at it from time to time, and how long
// that may take. Until then the object says of a change of the workload nothing, and has no generation that would
// tell. Only Canaries are such.
func Followed(ref protocol.ObjectRef, spec []byte) (target protocol.ObjectRef, within time.Duration) {
	if !Steers(ref) || ref.Kind != "Canary" {
		return target, 0
	}
	var c canarySpec
	_ = json.Unmarshal(spec, &c) // what has another type than it should have is left out
	if c.TargetRef.Name == "" {
		return target, 0
	}
	interval, err := time.ParseDuration(c.Analysis.Interval)
	if err != nil || interval <= 0 {
		interval = canaryInterval
	}
	target = protocol.ObjectRef{Group: GroupOf(c.TargetRef.APIVersion), Kind: c.TargetRef.Kind, Namespace: ref.Namespace,
		Name: c.TargetRef.Name}
	return target, min(2*interval, maxCanaryInterval)
}

const (
	canaryInterval    = time.Minute // Flagger's own, for a Canary that names none
	maxCanaryInterval = 10 * time.Minute
)

// steered gathers fields by their objects.
type steered struct {
	namespace string
	out       []protocol.Ignored
}

func (s *steered) add(group, kind, name string, paths ...string) {
	if name == "" {
		return
	}
	ref := protocol.ObjectRef{Group: group, Kind: kind, Namespace: s.namespace, Name: name}
	for i := range s.out {
		if s.out[i].Object == ref {
			for _, p := range paths {
				if !slices.Contains(s.out[i].Paths, p) {
					s.out[i].Paths = append(s.out[i].Paths, p)
				}
			}
			return
		}
	}
	s.out = append(s.out, protocol.Ignored{Object: ref, Paths: paths})
}

// workload is a reference to what has pods.
type workload struct{ APIVersion, Kind, Name string }

// rolloutSpec is what is read of a Rollout (argoproj.io/v1alpha1).
type rolloutSpec struct {
	WorkloadRef struct {
		workload
		ScaleDown string
	}
	Strategy struct {
		BlueGreen struct{ ActiveService, PreviewService string }
		Canary    struct {
			StableService, CanaryService string
			PingPong                     struct{ PingService, PongService string }
			TrafficRouting               trafficRouting
		}
	}
}

type trafficRouting struct {
	ALB struct {
		Ingress, RootService, AnnotationPrefix string
		Ingresses                              []string
	}
	Istio struct {
		VirtualService  virtualService
		VirtualServices []virtualService
		DestinationRule struct{ Name string }
	}
	SMI     *struct{ TrafficSplitName string }
	Apisix  struct{ Route struct{ Name string } }
	Traefik struct{ WeightedTraefikServiceName string }
	Plugins struct {
		Gateway gatewayPlugin `json:"argoproj-labs/gatewayAPI"`
	}
}

type virtualService struct {
	Name                         string
	Routes, TLSRoutes, TCPRoutes []any
}

type gatewayPlugin struct {
	Namespace                                string
	HTTPRoute, GRPCRoute, TCPRoute, TLSRoute string
	HTTPRoutes, GRPCRoutes                   []struct{ Name string }
	TCPRoutes, TLSRoutes                     []struct{ Name string }
}

const (
	istioGroup = "networking.istio.io"
	smiGroup   = "split.smi-spec.io"
	routeGroup = "gateway.networking.k8s.io"
)

func (s *steered) rollout(ref protocol.ObjectRef, r rolloutSpec) {
	canary := r.Strategy.Canary
	blueGreen := r.Strategy.BlueGreen
	for _, name := range [...]string{canary.StableService, canary.CanaryService, canary.PingPong.PingService,
		canary.PingPong.PongService, blueGreen.ActiveService, blueGreen.PreviewService} {
		s.add("", "Service", name, "/spec/selector")
	}
	if w := r.WorkloadRef; w.Kind == "Deployment" && w.ScaleDown != "" && w.ScaleDown != "never" {
		s.add(GroupOf(w.APIVersion), w.Kind, w.Name, "/spec/replicas")
	}
	t := canary.TrafficRouting
	prefix := strings.ReplaceAll(cmp.Or(t.ALB.AnnotationPrefix, "alb.ingress.kubernetes.io"), "/", "~1")
	action := prefix + "~1actions." + cmp.Or(t.ALB.RootService, canary.StableService)
	for _, name := range append(t.ALB.Ingresses, t.ALB.Ingress) {
		s.add("networking.k8s.io", "Ingress", name, "/metadata/annotations/"+action)
	}
	for _, v := range append(t.Istio.VirtualServices, t.Istio.VirtualService) {
		s.virtualService(v)
	}
	s.add(istioGroup, "DestinationRule", t.Istio.DestinationRule.Name, "/spec/subsets")
	if t.SMI != nil {
		s.add(smiGroup, "TrafficSplit", cmp.Or(t.SMI.TrafficSplitName, ref.Name), "/spec/backends")
	}
	s.add("apisix.apache.org", "ApisixRoute", t.Apisix.Route.Name, "/spec/http")
	s.traefik(t.Traefik.WeightedTraefikServiceName, "/spec/weighted")
	s.gateway(t.Plugins.Gateway)
}

// virtualService: its name may have a namespace behind a dot.
func (s *steered) virtualService(v virtualService) {
	name, namespace, _ := strings.Cut(v.Name, ".")
	if namespace != "" && namespace != s.namespace {
		return
	}
	if len(v.TLSRoutes) > 0 {
		s.add(istioGroup, "VirtualService", name, "/spec/tls")
	}
	if len(v.TCPRoutes) > 0 {
		s.add(istioGroup, "VirtualService", name, "/spec/tcp")
	}
	if len(v.Routes) > 0 || len(v.TLSRoutes)+len(v.TCPRoutes) == 0 {
		s.add(istioGroup, "VirtualService", name, "/spec/http")
	}
}

func (s *steered) traefik(name, path string) {
	for _, group := range [...]string{"traefik.io", "traefik.containo.us"} {
		s.add(group, "TraefikService", name, path)
	}
}

func (s *steered) gateway(g gatewayPlugin) {
	if g.Namespace != "" && g.Namespace != s.namespace {
		return
	}
	for _, k := range [...]struct {
		kind, name string
		names      []struct{ Name string }
	}{
		{"HTTPRoute", g.HTTPRoute, g.HTTPRoutes}, {"GRPCRoute", g.GRPCRoute, g.GRPCRoutes},
		{"TCPRoute", g.TCPRoute, g.TCPRoutes}, {"TLSRoute", g.TLSRoute, g.TLSRoutes},
	} {
		s.add(routeGroup, k.kind, k.name, "/spec/rules")
		for _, n := range k.names {
			s.add(routeGroup, k.kind, n.Name, "/spec/rules")
		}
	}
}

// canarySpec is what is read of a Canary (flagger.app/v1beta1).
type canarySpec struct {
	TargetRef workload
	Service   struct{ Name string }
	Analysis  struct{ Interval string }
}

// canary: the workload is scaled down in favour of a copy, and the Service of the app and its routes lead to that.
// What Flagger makes under other names is in Git only by mistake.
func (s *steered) canary(c canarySpec) {
	switch t := c.TargetRef; t.Kind {
	case "Deployment":
		s.add(GroupOf(t.APIVersion), t.Kind, t.Name, "/spec/replicas")
	case "DaemonSet":
		s.add(GroupOf(t.APIVersion), t.Kind, t.Name, "/spec/template/spec/nodeSelector")
	}
	name := cmp.Or(c.Service.Name, c.TargetRef.Name)
	s.add("", "Service", name, "/spec/selector", "/spec/ports")
	s.add(istioGroup, "VirtualService", name, "/spec")
	s.add(routeGroup, "HTTPRoute", name, "/spec")
	s.add(smiGroup, "TrafficSplit", name, "/spec")
	s.add("projectcontour.io", "HTTPProxy", name, "/spec")
	s.traefik(name, "/spec")
}
