// Command health asks those who judge resources for GitOps tools: kstatus (the library of Flux, kpt and others) and a health script for Argo CD, run by
// the Lua that Argo CD embeds. It reads a Request as JSON from standard input and writes a list of Verdicts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type Request struct {
	// Scripts are health scripts by kind.
	Scripts map[string]string `json:"scripts"`
	Objects []json.RawMessage `json:"objects"`
}

type Said struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type Verdict struct {
	Argo    Said `json:"argo"`
	Kstatus Said `json:"kstatus"`
}

// Argo CD takes no other words from a script.
var known = map[string]bool{"Healthy": true, "Progressing": true, "Degraded": true, "Suspended": true, "Missing": true, "Unknown": true}

func toLua(state *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case int64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	default:
		panic(fmt.Sprintf("a %T is no JSON", value))
	}
}

// argo runs a script as Argo CD does: the resource is the global obj, there are neither strings nor mathematics nor the system, and it may take a second.
func argo(script string, object map[string]any) (Said, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		state.Push(state.NewFunction(open))
		state.Push(lua.LString(name))
		state.Call(1, 0)
	}
	limit, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	state.SetContext(limit)
	state.SetGlobal("obj", toLua(state, object))
	if err := state.DoString(script); err != nil {
		return Said{}, err
	}
	table, is := state.Get(-1).(*lua.LTable)
	if !is {
		return Said{}, fmt.Errorf("the script returns a %s and no table", state.Get(-1).Type())
	}
	said := Said{lua.LVAsString(table.RawGetString("status")), lua.LVAsString(table.RawGetString("message"))}
	if !known[said.Status] {
		return Said{}, fmt.Errorf("%q is no health that Argo CD knows", said.Status)
	}
	return said, nil
}

func run(input io.Reader, output io.Writer) error {
	var request Request
	if err := json.NewDecoder(input).Decode(&request); err != nil {
		return err
	}
	verdicts := []Verdict{}
	for index, text := range request.Objects {
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return fmt.Errorf("object %d: %w", index, err)
		}
		script, found := request.Scripts[object.GetKind()]
		if !found {
			return fmt.Errorf("object %d: there is no script for %s", index, object.GetKind())
		}
		health, err := argo(script, object.Object)
		if err != nil {
			return fmt.Errorf("object %d: %w", index, err)
		}
		result, err := status.Compute(object)
		if err != nil {
			return fmt.Errorf("object %d: %w", index, err)
		}
		verdicts = append(verdicts, Verdict{health, Said{result.Status.String(), result.Message}})
	}
	return json.NewEncoder(output).Encode(verdicts)
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}
