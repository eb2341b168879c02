#pragma once
#include <godot_cpp/classes/node.hpp>

namespace godot {
class UtilityFunctions {
public:
    static void push_warning(const Variant &) {}
};
} // namespace godot
