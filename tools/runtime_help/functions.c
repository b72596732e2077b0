
/* What compiled dekaf needs for help(): mypyc's function objects, which coroutines are, have neither a docstring nor a
   signature of their own, and its other classes than native ones have the wrong docstring. Inserted into the generated
   C by c_code.py. */

/* Read an attribute that the interpreter derives from `ml_doc`: by way of a builtin function of the same definition. */
static PyObject *Help_OfBuiltin(PyObject *function, void *name)
{
    PyObject *builtin = PyCFunction_New(((PyCFunctionObject *)function)->m_ml, NULL);
    if (builtin == NULL)
        return NULL;
    PyObject *value = PyObject_GetAttrString(builtin, (const char *)name);
    Py_DECREF(builtin);
    return value;
}

/* `inspect` looks for it before it believes the code object, which knows of no parameters. */
static PyObject *Help_Signature(PyObject *function, void *closure)
{
    (void)closure;
    PyObject *builtin = PyCFunction_New(((PyCFunctionObject *)function)->m_ml, NULL);
    if (builtin == NULL)
        return NULL;
    PyObject *signature = NULL;
    PyObject *inspect = PyImport_ImportModule("inspect");
    if (inspect != NULL)
        signature = PyObject_CallMethod(inspect, "signature", "O", builtin);
    Py_XDECREF(inspect);
    Py_DECREF(builtin);
    return signature;
}

static PyGetSetDef Help_getsets[] = {
    {"__doc__", Help_OfBuiltin, NULL, NULL, (void *)"__doc__"},
    {"__text_signature__", Help_OfBuiltin, NULL, NULL, (void *)"__text_signature__"},
    {"__signature__", Help_Signature, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}
};

/* The class is made together with its first instance, and is immutable from Python. */
static int Help_Install(PyTypeObject *type)
{
    static PyTypeObject *installed = NULL;
    if (installed == type)
        return 0;
    for (PyGetSetDef *getset = Help_getsets; getset->name != NULL; getset++) {
        PyObject *descriptor = PyDescr_NewGetSet(type, getset);
        if (descriptor == NULL)
            return -1;
        int failed = PyDict_SetItemString(type->tp_dict, getset->name, descriptor);
        Py_DECREF(descriptor);
        if (failed < 0)
            return -1;
    }
    PyType_Modified(type);
    installed = type;
    return 0;
}

static PyObject *Help_NewFunction(PyObject *module, const char *filename, const char *name, PyCFunction function,
                                  int flags, const char *doc, int line, int code_flags, bool has_self)
{
    const char *dot = strrchr(name, '.'); /* mypyc puts the class before it; `__name__` is without */
    if (dot != NULL)
        name = dot + 1;
    PyObject *made = CPyFunction_New(module, filename, name, function, flags, doc, line, code_flags, has_self);
    if (made != NULL && Help_Install(Py_TYPE(made)) < 0)
        Py_CLEAR(made);
    return made;
}

/* The type of one function of a class that is not native; `inspect` takes its instance for a builtin. */
static int Help_SetTextSignature(PyTypeObject *type, const char *signature)
{
    PyObject *text = PyUnicode_FromString(signature);
    if (text == NULL)
        return -1;
    int failed = PyDict_SetItemString(type->tp_dict, "__text_signature__", text);
    Py_DECREF(text);
    PyType_Modified(type);
    return failed;
}

/* A class that is not native is made as the interpreter would make it: its docstring is an attribute. */
static int Help_SetClassDoc(PyObject *globals, const char *name, const char *doc)
{
    PyObject *class = PyDict_GetItemString(globals, name);
    if (class == NULL) {
        PyErr_Format(PyExc_RuntimeError, "dekaf was built wrongly: there is no class %s to document", name);
        return -1;
    }
    PyObject *text = PyUnicode_FromString(doc);
    if (text == NULL)
        return -1;
    int failed = PyObject_SetAttrString(class, "__doc__", text);
    Py_DECREF(text);
    return failed;
}
