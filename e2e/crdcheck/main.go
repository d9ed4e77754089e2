// Command crdcheck asks the API server's own code (k8s.io/apiextensions-apiserver) about our CustomResourceDefinitions and about resources:
// is the schema structural, do the CEL rules compile within their cost budget, which defaults are filled in, what is refused and why.
// It reads a Request as JSON from standard input and writes a Response; crdcheck.slow.test.ts compares that with what the laptop says.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	crdvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

type Request struct {
	// CRDs are the texts of CustomResourceDefinitions in YAML.
	CRDs      []string   `json:"crds"`
	Resources []Resource `json:"resources"`
}

// Resource is to be created or, where Old is given, to replace Old. Both are YAML texts.
type Resource struct {
	Name string `json:"name"`
	YAML string `json:"yaml"`
	Old  string `json:"old,omitempty"`
}

type Problem struct {
	Reason  string `json:"reason"`
	Path    string `json:"path"`
	Message string `json:"message"`
}

type Response struct {
	// CRDs has what is wrong with each CustomResourceDefinition.
	CRDs      [][]Problem `json:"crds"`
	Resources []Verdict   `json:"resources"`
}

type Verdict struct {
	Name string `json:"name"`
	// Unreadable says why the text is no JSON object as YAML.
	Unreadable string `json:"unreadable"`
	// Unknown fields, which kubectl asks the API server to refuse.
	Unknown   []string       `json:"unknown"`
	Defaulted map[string]any `json:"defaulted"`
	Problems  []Problem      `json:"problems"`
}

// kind is what the API server keeps in memory for a served kind.
type kind struct {
	structural *structuralschema.Structural
	strategy   interface {
		Validate(context.Context, runtime.Object) field.ErrorList
		ValidateUpdate(context.Context, runtime.Object, runtime.Object) field.ErrorList
	}
}

func problems(errors field.ErrorList) []Problem {
	result := []Problem{}
	for _, e := range errors {
		result = append(result, Problem{string(e.Type), e.Field, e.Detail})
	}
	return result
}

func load(text string, decoder runtime.Decoder) (*apiextensions.CustomResourceDefinition, error) {
	object, _, err := decoder.Decode([]byte(text), nil, nil)
	if err != nil {
		return nil, err
	}
	crd, ok := object.(*apiextensions.CustomResourceDefinition)
	if !ok {
		return nil, fmt.Errorf("cannot take a %T: it is no CustomResourceDefinition", object)
	}
	return crd, nil
}

func serve(crd *apiextensions.CustomResourceDefinition) (*kind, error) {
	openapi := crd.Spec.Validation.OpenAPIV3Schema
	structural, err := structuralschema.NewStructural(openapi)
	if err != nil {
		return nil, err
	}
	validator, _, err := validation.NewSchemaValidator(openapi)
	if err != nil {
		return nil, err
	}
	gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: crd.Spec.Versions[0].Name, Kind: crd.Spec.Names.Kind}
	strategy := customresource.NewStrategy(nil, true, gvk, validator, nil, structural, &apiextensions.CustomResourceSubresourceStatus{}, nil, nil)
	return &kind{structural, strategy}, nil
}

// admit decodes a resource as the API server does: numbers by their form, unknown fields listed and dropped, defaults filled in.
func (k *kind) admit(text string) (*unstructured.Unstructured, []string, error) {
	bytes, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return nil, nil, err
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(bytes, &object); err != nil {
		return nil, nil, err
	}
	unknown := pruning.PruneWithOptions(object, k.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	result := &unstructured.Unstructured{Object: object}
	if result.GetNamespace() == "" {
		result.SetNamespace("default")
	}
	return result, unknown, nil
}

func (k *kind) judge(resource Resource) (Verdict, error) {
	object, unknown, err := k.admit(resource.YAML)
	if err != nil {
		return Verdict{Name: resource.Name, Unreadable: err.Error(), Problems: []Problem{}}, nil
	}
	verdict := Verdict{Name: resource.Name, Unknown: unknown, Defaulted: object.DeepCopy().Object}
	if resource.Old == "" {
		verdict.Problems = problems(k.strategy.Validate(context.Background(), object))
		return verdict, nil
	}
	old, _, err := k.admit(resource.Old)
	if err != nil {
		return Verdict{}, fmt.Errorf("%s: %w", resource.Name, err)
	}
	object.SetResourceVersion("2")
	old.SetResourceVersion("1")
	verdict.Problems = problems(k.strategy.ValidateUpdate(context.Background(), object, old))
	return verdict, nil
}

func run(input io.Reader, output io.Writer) error {
	var request Request
	if err := json.NewDecoder(input).Decode(&request); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme).UniversalDecoder()
	response := Response{CRDs: [][]Problem{}, Resources: []Verdict{}}
	kinds := map[string]*kind{}
	for _, text := range request.CRDs {
		crd, err := load(text, decoder)
		if err != nil {
			return err
		}
		// Names are accepted by a controller; here nobody else claims them.
		crd.Status.StoredVersions = []string{crd.Spec.Versions[0].Name}
		response.CRDs = append(response.CRDs, problems(crdvalidation.ValidateCustomResourceDefinition(context.Background(), crd)))
		served, err := serve(crd)
		if err != nil {
			return err
		}
		kinds[crd.Spec.Names.Kind] = served
	}
	for _, resource := range request.Resources {
		for name, served := range kinds {
			if !strings.Contains(resource.YAML, "kind: "+name+"\n") {
				continue
			}
			verdict, err := served.judge(resource)
			if err != nil {
				return err
			}
			response.Resources = append(response.Resources, verdict)
		}
	}
	return json.NewEncoder(output).Encode(response)
}

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "crdcheck:", err)
		os.Exit(1)
	}
}
