package plugin

import (
	"context"
	"encoding/json"
	"errors"

	goplugin "github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// serviceName is that of the gRPC service.
const serviceName = "drover.plugin.v1.Transformer"

// service describes the gRPC service. It is written by hand, because its messages are JSON: so there is one description
// of them.
var service = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*Transformer)(nil),
	Methods: []grpc.MethodDesc{
		method(serviceName, "Describe", func(ctx context.Context, t Transformer, _ struct{}) (Description, error) {
			return t.Describe(ctx)
		}),
		method(serviceName, "Transform", func(ctx context.Context, t Transformer, r Request) (Response, error) {
			return t.Transform(ctx, r)
		}),
	},
}

// method makes a gRPC method of a service of a function.
func method[Of, In, Out any](service, name string, call func(context.Context, Of, In) (Out, error)) grpc.MethodDesc {
	handle := func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		var sent wrapperspb.BytesValue
		if err := decode(&sent); err != nil {
			return nil, err
		}
		run := func(ctx context.Context, _ any) (any, error) {
			var in In
			if err := json.Unmarshal(sent.Value, &in); err != nil {
				return nil, errors.New("the request is no JSON")
			}
			out, err := call(ctx, srv.(Of), in)
			if err != nil {
				return nil, err
			}
			data, err := json.Marshal(out)
			return wrapperspb.Bytes(data), err
		}
		if intercept == nil {
			return run(ctx, nil)
		}
		return intercept(ctx, &sent, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + service + "/" + name}, run)
	}
	return grpc.MethodDesc{MethodName: name, Handler: handle}
}

// caller is a Transformer in another process.
type caller struct{ conn *grpc.ClientConn }

// Describe implements Transformer.
func (c caller) Describe(ctx context.Context) (Description, error) {
	return invoke[Description](ctx, c.conn, serviceName, "Describe", struct{}{})
}

// Transform implements Transformer.
func (c caller) Transform(ctx context.Context, r Request) (Response, error) {
	return invoke[Response](ctx, c.conn, serviceName, "Transform", r)
}

// invoke calls a method of a service. An error has the words of the plugin alone.
func invoke[Out any](ctx context.Context, conn *grpc.ClientConn, service, name string, in any) (out Out, err error) {
	data, err := json.Marshal(in)
	if err != nil {
		return out, err
	}
	var answer wrapperspb.BytesValue
	if err := conn.Invoke(ctx, "/"+service+"/"+name, wrapperspb.Bytes(data), &answer); err != nil {
		if status.Code(err) == codes.Unavailable {
			return out, ErrEnded
		}
		return out, errors.New(status.Convert(err).Message())
	}
	if err := json.Unmarshal(answer.Value, &out); err != nil {
		return out, errors.New("the plugin's answer is no JSON")
	}
	return out, nil
}

// adapter is what go-plugin wants of both sides.
type adapter struct {
	goplugin.NetRPCUnsupportedPlugin
	transformer Transformer // of the plugin's side
}

// GRPCServer implements goplugin.GRPCPlugin.
func (a *adapter) GRPCServer(_ *goplugin.GRPCBroker, s *grpc.Server) error {
	s.RegisterService(&service, a.transformer)
	return nil
}

// GRPCClient implements goplugin.GRPCPlugin.
func (a *adapter) GRPCClient(_ context.Context, _ *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	return caller{conn}, nil
}
