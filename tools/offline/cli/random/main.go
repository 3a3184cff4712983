// A stand-in for Pulumi's random plugin, for networks from which the real one cannot be downloaded.
//
// It is built beside the CLI (see tools/offline/pulumi_build.py), serves the one resource that this project declares, and
// refuses everything else by name. State written by one is read by the other: the same token and properties, the same
// id, and the same rule that other keepers make another UUID.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

const (
	token   = "random:index/randomUuid:RandomUuid"
	standIn = "stand-in random plugin: serves only RandomUuid"
	// The engine warns about a plugin that is older than the program's SDK, whichever that is.
	version = "99.0.0+stand-in"
	// How the engine spells "not known before the run" in messages.
	unknown             = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
	engineCheckInterval = 500 * time.Millisecond
)

type plugin struct {
	pulumirpc.UnimplementedResourceProviderServer
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, standIn+":", err)
		os.Exit(1)
	}
	server := grpc.NewServer()
	pulumirpc.RegisterResourceProviderServer(server, &plugin{})
	fmt.Fprintln(os.Stderr, standIn)
	// The engine reads the port from the first line.
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go endWithEngine(os.Getppid())
	if err := server.Serve(listener); err != nil {
		os.Exit(1)
	}
}

// The engine ends its plugins itself, unless it was killed.
func endWithEngine(engine int) {
	for os.Getppid() == engine {
		time.Sleep(engineCheckInterval)
	}
	os.Exit(0)
}

// The provider itself, which has no settings.

func (*plugin) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (*plugin) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	text := map[string]any{"type": "string"}
	keepers := map[string]any{"type": "object", "additionalProperties": text}
	replacing := map[string]any{"type": "object", "additionalProperties": text, "replaceOnChanges": true}
	schema, err := json.Marshal(map[string]any{
		"name":        "random",
		"version":     version,
		"description": standIn,
		"resources": map[string]any{token: map[string]any{
			"inputProperties": map[string]any{"keepers": replacing},
			"properties":      map[string]any{"keepers": keepers, "result": text},
			"required":        []string{"result"},
		}},
	})
	return &pulumirpc.GetSchemaResponse{Schema: string(schema)}, err
}

func (*plugin) CheckConfig(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: request.News}, nil
}

func (*plugin) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

func (*plugin) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	// No AcceptSecrets: the engine then marks as secret by itself what was secret among the inputs.
	return &pulumirpc.ConfigureResponse{SupportsPreview: true}, nil
}

func (*plugin) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (*plugin) Invoke(_ context.Context, request *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, refuse(request.Tok)
}

// The resource.

func (*plugin) Check(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if err := refuseOthers(request.Urn); err != nil {
		return nil, err
	}
	response := &pulumirpc.CheckResponse{Inputs: request.News}
	for name := range request.News.GetFields() {
		if name != "keepers" && !strings.HasPrefix(name, "__") {
			reason := fmt.Sprintf("RandomUuid has no input '%s', only 'keepers'", name)
			response.Failures = append(response.Failures, &pulumirpc.CheckFailure{Property: name, Reason: reason})
		}
	}
	return response, nil
}

func (*plugin) Diff(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	if err := refuseOthers(request.Urn); err != nil {
		return nil, err
	}
	isIgnored := false
	for _, name := range request.IgnoreChanges {
		isIgnored = isIgnored || name == "keepers"
	}
	if isIgnored || proto.Equal(keepersOf(request.Olds), keepersOf(request.News)) {
		return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
	}
	return &pulumirpc.DiffResponse{
		Changes:         pulumirpc.DiffResponse_DIFF_SOME,
		Replaces:        []string{"keepers"},
		Diffs:           []string{"keepers"},
		HasDetailedDiff: true,
		DetailedDiff: map[string]*pulumirpc.PropertyDiff{
			"keepers": {Kind: pulumirpc.PropertyDiff_UPDATE_REPLACE, InputDiff: true},
		},
	}, nil
}

func (*plugin) Create(_ context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if err := refuseOthers(request.Urn); err != nil {
		return nil, err
	}
	if request.Preview {
		return &pulumirpc.CreateResponse{Properties: withResult(request.Properties, unknown)}, nil
	}
	result := uuid.NewString()
	return &pulumirpc.CreateResponse{Id: result, Properties: withResult(request.Properties, result)}, nil
}

// A refresh finds what the state has; an import takes the id that it is given, if it is a UUID.
func (*plugin) Read(_ context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	if err := refuseOthers(request.Urn); err != nil {
		return nil, err
	}
	if _, known := request.Properties.GetFields()["result"]; known {
		response := &pulumirpc.ReadResponse{Id: request.Id, Properties: request.Properties, Inputs: request.Inputs}
		return response, nil
	}
	result, err := uuid.Parse(request.Id)
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "'%s' is not a UUID", request.Id)
	}
	inputs := &structpb.Struct{Fields: map[string]*structpb.Value{}}
	if keepers, ok := request.Properties.GetFields()["keepers"]; ok {
		inputs.Fields["keepers"] = keepers
	}
	properties := withResult(inputs, result.String())
	return &pulumirpc.ReadResponse{Id: result.String(), Properties: properties, Inputs: inputs}, nil
}

// Diff asks for no update; one comes all the same when the last create ended in an error.
func (*plugin) Update(_ context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	if err := refuseOthers(request.Urn); err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: withResult(request.News, request.Id)}, nil
}

func (*plugin) Delete(_ context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, refuseOthers(request.Urn)
}

// The keepers as one comparable value; absent, null and empty are all the same: none.
func keepersOf(properties *structpb.Struct) *structpb.Value {
	value := properties.GetFields()["keepers"]
	fields := value.GetStructValue().GetFields()
	if _, isNull := value.GetKind().(*structpb.Value_NullValue); value == nil || isNull {
		return nil
	}
	if value.GetStructValue() == nil {
		return value
	}
	kept := map[string]*structpb.Value{}
	for name, item := range fields {
		if _, isNull := item.GetKind().(*structpb.Value_NullValue); !isNull {
			kept[name] = item
		}
	}
	if len(kept) == 0 {
		return nil
	}
	return structpb.NewStructValue(&structpb.Struct{Fields: kept})
}

func withResult(properties *structpb.Struct, result string) *structpb.Struct {
	fields := map[string]*structpb.Value{}
	for name, value := range properties.GetFields() {
		fields[name] = value
	}
	fields["result"] = structpb.NewStringValue(result)
	return &structpb.Struct{Fields: fields}
}

func refuseOthers(urn string) error {
	// urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME; a name may hold "::" but comes last.
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return refuse(urn)
	}
	types := strings.Split(parts[2], "$")
	if found := types[len(types)-1]; found != token {
		return refuse(found)
	}
	return nil
}

func refuse(what string) error {
	how := "install the Pulumi CLI, which downloads the real plugin"
	return status.Errorf(codes.Unimplemented, "%s, not %s: %s", standIn, what, how)
}
