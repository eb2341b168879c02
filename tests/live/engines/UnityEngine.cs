// The names of Unity that the recipe uses, to compile it: it has not run in Unity.
namespace UnityEngine
{
    public class MonoBehaviour { }
    public static class Debug { public static void LogWarning(object message) { } }
    public static class JsonUtility { public static string ToJson(object value) { return ""; } }
}
