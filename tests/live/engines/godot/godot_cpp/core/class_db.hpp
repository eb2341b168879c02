#pragma once

namespace godot {
struct MethodDefinition {};
template <typename... Names> MethodDefinition D_METHOD(Names...) { return {}; }
class ClassDB {
public:
    template <typename Method> static void bind_method(MethodDefinition, Method) {}
};
} // namespace godot
