// SPDX-License-Identifier: Apache-2.0

// Check a CustomResourceDefinition as the API server of the linked version does, and objects
// against it: `check DEFINITION OBJECT...`. Objects in files run-* must be accepted, those in files
// said-* refused with what their annotation `says`; of the others it is only counted how many are.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	apiservervalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

func must[T any](value T, err error) T {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	return value
}

func readDefinition(path string) *apiextensions.CustomResourceDefinition {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	decoder := serializer.NewCodecFactory(scheme).UniversalDecoder(apiextensions.SchemeGroupVersion)
	text := must(yaml.YAMLToJSONStrict(must(os.ReadFile(path))))
	object, _, err := decoder.Decode(text, nil, nil)
	definition := must(object, err).(*apiextensions.CustomResourceDefinition)
	definition.Status.StoredVersions = []string{definition.Spec.Versions[0].Name}
	return definition
}

// whole makes whole numbers int64, as the API server's decoder does.
func whole(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = whole(v[key])
		}
	case []any:
		for i := range v {
			v[i] = whole(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}

func readObject(path string) map[string]any {
	var object map[string]any
	must(0, json.Unmarshal(must(yaml.YAMLToJSON(must(os.ReadFile(path)))), &object))
	whole(object)
	return object
}

// saysOf returns what the API server must say of an object.
func saysOf(object map[string]any) string {
	metadata, _ := object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	says, _ := annotations["says"].(string)
	return says
}

func main() {
	definition := readDefinition(os.Args[1])
	ctx := context.Background()
	if errors := validation.ValidateCustomResourceDefinition(ctx, definition); len(errors) > 0 {
		for _, one := range errors {
			fmt.Println(one)
		}
		os.Exit(1)
	}
	validations := definition.Spec.Validation
	if validations == nil {
		validations = definition.Spec.Versions[0].Schema
	}
	structural := must(schema.NewStructural(validations.OpenAPIV3Schema))
	validator, _, err := apiservervalidation.NewSchemaValidator(validations.OpenAPIV3Schema)
	must(0, err)
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)

	accepted, refused, status := 0, 0, 0
	for _, path := range os.Args[2:] {
		object := readObject(path)
		defaulting.PruneNonNullableNullsWithoutDefaults(object, structural)
		errors := apiservervalidation.ValidateCustomResource(nil, object, validator)
		errors = append(errors, listtype.ValidateListSetsAndMaps(nil, structural, object)...)
		if len(errors) == 0 {
			errors, _ = rules.Validate(ctx, field.NewPath(""), structural, object, nil, celconfig.RuntimeCELCostBudget)
		}
		name := filepath.Base(path)
		wrong := strings.HasPrefix(name, "run-") && len(errors) > 0
		if strings.HasPrefix(name, "said-") {
			wrong = !strings.Contains(fmt.Sprint(errors), saysOf(object))
		}
		if len(errors) == 0 {
			accepted++
		} else {
			refused++
		}
		if wrong {
			status = 1
			fmt.Printf("%s: not as it should be: %v\n", name, errors)
		} else if len(errors) > 0 && os.Getenv("VERBOSE") != "" {
			fmt.Printf("%s: %v\n", name, errors)
		}
	}
	fmt.Printf("definition accepted; of the groups %d accepted, %d refused\n", accepted, refused)
	os.Exit(status)
}
