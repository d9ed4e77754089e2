// A graph under construction, and the function that becomes of it. Outputs of ops are numbers, in order of creation.
#include <string>
#include <vector>

#include "attributes.h"
#include "tensorflow.h"

namespace srdit {
namespace {

struct Graph : Native {
  OwnedGraph graph{TF_NewGraph()};
  std::vector<TF_Output> outputs;
  std::vector<TF_Operation*> operations;

  TF_Output output(int64_t index) const { return outputs.at(static_cast<size_t>(index)); }
  TF_Operation* operation(int64_t index) const { return operations.at(static_cast<size_t>(index)); }
};

napi_value newGraph(Call& call) { return call.external(std::make_unique<Graph>()); }

napi_value deleteGraph(Call& call) {
  Graph& graph = call.native<Graph>(call[0]);
  graph.graph.reset();
  graph.outputs.clear();
  graph.operations.clear();
  return call.nothing();
}

// Answers [operation, then per output: output, dtype, rank (-1 unknown), extents (-1 unknown)...]
napi_value added(Call& call, Graph& graph, TF_Operation* operation) {
  Status status;
  std::vector<int64_t> answer{static_cast<int64_t>(graph.operations.size())};
  graph.operations.push_back(operation);
  for (int i = 0; i < TF_OperationNumOutputs(operation); ++i) {
    const TF_Output output{operation, i};
    answer.push_back(static_cast<int64_t>(graph.outputs.size()));
    graph.outputs.push_back(output);
    answer.push_back(TF_OperationOutputType(output));
    const int rank = TF_GraphGetTensorNumDims(graph.graph.get(), output, status);
    status.check();
    answer.push_back(rank);
    if (rank <= 0) continue;
    const size_t start = answer.size();
    answer.resize(start + static_cast<size_t>(rank));
    TF_GraphGetTensorShape(graph.graph.get(), output, answer.data() + start, rank, status);
    status.check();
  }
  return call.numbers(answer);
}

// addOp(graph, op type, node name, inputs, attributes, control inputs): an input that is an array is a list input.
napi_value addOp(Call& call) {
  Graph& graph = call.native<Graph>(call[0]);
  const std::string type = call.text(call[1]), name = call.text(call[2]);
  TF_OperationDescription* description = TF_NewOperation(graph.graph.get(), type.c_str(), name.c_str());
  try {
    for (size_t i = 0, count = call.length(call[3]); i < count; ++i) {
      const napi_value input = call.item(call[3], i);
      if (call.isArray(input)) {
        std::vector<TF_Output> list;
        for (int64_t index : call.integers(input)) list.push_back(graph.output(index));
        TF_AddInputList(description, list.data(), static_cast<int>(list.size()));
      } else {
        TF_AddInput(description, graph.output(call.integer(input)));
      }
    }
    for (int64_t index : call.integers(call[5])) TF_AddControlInput(description, graph.operation(index));
    setAttributes(call, call[4], GraphAttributes{description});
  } catch (...) {
    // The C API frees a description only by finishing it.
    Status ignored;
    TF_FinishOperation(description, ignored);
    throw;
  }
  Status status;
  TF_Operation* operation = TF_FinishOperation(description, status);
  status.check();
  return added(call, graph, operation);
}

// addConstant(graph, node name, dtype, shape, typed array)
napi_value addConstant(Call& call) {
  Graph& graph = call.native<Graph>(call[0]);
  const auto dtype = static_cast<TF_DataType>(call.integer(call[2]));
  OwnedTensor value = hostTensor(dtype, call.integers(call[3]), call.bytes(call[4]));
  TF_OperationDescription* description = TF_NewOperation(graph.graph.get(), "Const", call.text(call[1]).c_str());
  Status set, status;
  TF_SetAttrTensor(description, "value", value.get(), set);
  TF_SetAttrType(description, "dtype", dtype);
  TF_Operation* operation = TF_FinishOperation(description, status);
  set.check();
  status.check();
  return added(call, graph, operation);
}

// addFunction(context, graph, name, inputs, outputs, control outputs (operations), compile with XLA): number of nodes
napi_value addFunction(Call& call) {
  TFE_Context* context = call.native<Context>(call[0]).context;
  Graph& graph = call.native<Graph>(call[1]);
  const std::string name = call.text(call[2]);
  std::vector<TF_Output> inputs, outputs;
  for (int64_t index : call.integers(call[3])) inputs.push_back(graph.output(index));
  for (int64_t index : call.integers(call[4])) outputs.push_back(graph.output(index));
  std::vector<TF_Operation*> controls;
  std::vector<std::string> labels;
  for (int64_t index : call.integers(call[5])) {
    controls.push_back(graph.operation(index));
    labels.push_back(TF_OperationName(controls.back()));
  }
  std::vector<const char*> names;
  for (const std::string& label : labels) names.push_back(label.c_str());
  Status status;
  OwnedFunction function(TF_GraphToFunctionWithControlOutputs(
      graph.graph.get(), name.c_str(), 0, -1, nullptr, static_cast<int>(inputs.size()), inputs.data(),
      static_cast<int>(outputs.size()), outputs.data(), nullptr, static_cast<int>(controls.size()), controls.data(),
      names.data(), nullptr, nullptr, status));
  status.check();
  if (call.truth(call[6])) {
    static constexpr char kTrue[] = {0x28, 0x01};  // AttrValue { b: true }
    TF_FunctionSetAttrValueProto(function.get(), "_XlaMustCompile", kTrue, sizeof kTrue, status);
    status.check();
  }
  TFE_ContextAddFunction(context, function.get(), status);
  status.check();
  return call.number(static_cast<double>(graph.operations.size()));
}

}  // namespace

void defineGraph(napi_env env, napi_value exports) {
  define<newGraph>(env, exports, "newGraph");
  define<deleteGraph>(env, exports, "deleteGraph");
  define<addOp>(env, exports, "addOp");
  define<addConstant>(env, exports, "addConstant");
  define<addFunction>(env, exports, "addFunction");
}

}  // namespace srdit
